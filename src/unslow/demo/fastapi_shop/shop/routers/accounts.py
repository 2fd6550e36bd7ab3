from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from shop.database import Db
from shop.directory import team_entry
from shop.models import Address, Comment, Company, Country, Customer, Profile

router = APIRouter()


@router.get("/companies")
async def list_companies(db: Db, page: int = 1) -> list[dict]:
    companies = await db.scalars(
        select(Company).order_by(Company.name, Company.id).limit(100).offset((page - 1) * 100)
    )
    rows = []
    for company in companies:
        customers = await db.scalar(
            select(func.count()).select_from(Customer).where(Customer.company_id == company.id)
        )
        rows.append({**await company_row(company), "customers": customers})
    return rows


async def company_row(company: Company) -> dict:
    country = await company.awaitable_attrs.country
    return {"id": company.id, "name": company.name, "country": country.name}


@router.get("/companies/directory")
async def company_directory(db: Db, page: int = 1) -> list[dict]:
    rows = await db.execute(
        select(Company.id, Company.name, Country.name.label("country"), func.count(Customer.id))
        .join(Company.country)
        .outerjoin(Company.customers)
        .group_by(Company.id, Country.id)
        .order_by(Company.name, Company.id)
        .limit(50)
        .offset((page - 1) * 50)
    )
    return [
        {"id": id, "name": name, "country": country, "customers": customers}
        for id, name, country, customers in rows
    ]


@router.get("/companies/{company_id}")
async def show_company(company_id: int, db: Db) -> dict:
    company = await db.get(Company, company_id)
    if company is None:
        raise HTTPException(404)
    country = await db.get_one(Country, company.country_id)
    return {
        "id": company.id,
        "name": company.name,
        "industry": company.industry,
        "country": country.name,
    }


@router.get("/countries")
async def list_countries(db: Db) -> list[dict]:
    rows = await db.execute(select(Country.code, Country.name).order_by(Country.name))
    return [{"code": code, "name": name} for code, name in rows]


@router.get("/customers")
async def list_customers(db: Db, page: int = 1) -> list[dict]:
    return await db.run_sync(customer_table, page)


def customer_table(session: Session, page: int) -> list[dict]:
    customers = session.scalars(
        select(Customer).order_by(Customer.name, Customer.id).limit(100).offset((page - 1) * 100)
    )
    return [
        {
            "name": customer.name,
            "company": customer.company.name,
            "country": customer.company.country.name,
            "cities": [address.city for address in customer.addresses],
        }
        for customer in customers
    ]


@router.get("/customers/addresses")
async def address_book(db: Db, page: int = 1) -> list[dict]:
    customers = await db.scalars(
        select(Customer).order_by(Customer.email).limit(100).offset((page - 1) * 100)
    )
    book = []
    for customer in customers:
        addresses = await db.scalars(
            select(Address).where(Address.customer_id == customer.id).order_by(Address.id)
        )
        cities = [address.city for address in addresses]
        book.append({"id": customer.id, "name": customer.name, "cities": cities})
    return book


@router.get("/customers/labels")
async def customer_labels(db: Db, page: int = 1) -> list[str]:
    unmanaged = select(Customer).where(Customer.account_manager_id.is_(None))
    customers = await db.scalars(
        unmanaged.order_by(Customer.id).limit(100).offset(page * 100 - 100)
    )
    return [await customer_label(customer) for customer in customers]


async def customer_label(customer: Customer) -> str:
    company = await customer.awaitable_attrs.company
    country = await company.awaitable_attrs.country
    return f"{customer.name} ({company.name}, {country.code})"


@router.get("/customers/managed")
async def managed_customers(db: Db, page: int = 1) -> list[dict]:
    customers = await db.scalars(
        select(Customer)
        .where(Customer.account_manager_id.is_not(None))
        .options(joinedload(Customer.account_manager), joinedload(Customer.company))
        .options(selectinload(Customer.addresses))
        .order_by(Customer.id)
        .limit(20)
        .offset((page - 1) * 20)
    )
    return [
        {
            "name": customer.name,
            "company": customer.company.name,
            "manager": customer.account_manager.username,
            "cities": [address.city for address in customer.addresses],
        }
        for customer in customers
    ]


@router.get("/customers/{customer_id}")
async def show_customer(customer_id: int, db: Db) -> dict:
    customer = await db.get(Customer, customer_id, options=[joinedload(Customer.company)])
    if customer is None:
        raise HTTPException(404)
    addresses = await customer.awaitable_attrs.addresses
    return {
        "id": customer.id,
        "name": customer.name,
        "email": customer.email,
        "company": customer.company.name,
        "addresses": [f"{address.street}, {address.city}" for address in addresses],
    }


@router.get("/customers/{customer_id}/history")
async def customer_history(customer_id: int, db: Db) -> dict:
    customer = await db.get(Customer, customer_id)
    if customer is None:
        raise HTTPException(404)
    history = []
    for order in await customer.awaitable_attrs.orders:
        lines = []
        for item in await order.awaitable_attrs.items:
            product = await item.awaitable_attrs.product
            supplier = await product.awaitable_attrs.supplier
            lines.append(f"{item.quantity} x {product.name} by {supplier.name}")
        history.append({"number": order.number, "status": order.status, "lines": lines})
    return {"customer": customer.name, "orders": history}


@router.get("/team")
async def team(db: Db) -> list[dict]:
    profiles = await db.scalars(select(Profile).order_by(Profile.job_title, Profile.id).limit(100))
    return [await team_entry(profile, db) for profile in profiles]


@router.get("/activity")
async def activity(db: Db, page: int = 1) -> list[dict]:
    comments = await db.scalars(
        select(Comment)
        .options(joinedload(Comment.author))
        .order_by(Comment.id.desc())
        .limit(50)
        .offset((page - 1) * 50)
    )
    return [{"author": comment.author.username, "body": comment.body} for comment in comments]
