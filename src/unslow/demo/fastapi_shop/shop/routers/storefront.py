from fastapi import APIRouter

from shop.routers import exports, journal, ledger, reporting, screens, visits

router = APIRouter()
router.include_router(visits.router)
router.include_router(journal.router)
router.include_router(reporting.router)
router.include_router(screens.router)
router.include_router(ledger.router)
router.include_router(exports.router)
