from fastapi import APIRouter

from shop.routers import journal, visits

router = APIRouter()
router.include_router(visits.router)
router.include_router(journal.router)
