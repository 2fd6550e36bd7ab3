from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from shop.database import Db
from shop.models import Address, Company, Customer, Order, OrderItem, Payment, Product, Shipment
from shop.schemas import NewLine, NewOrder, OrderOut

router = APIRouter()


@router.get("/dashboard")
async def dashboard(db: Db) -> dict:
    pending = await db.scalars(
        select(Order)
        .where(Order.status == "pending")
        .order_by(Order.placed_at, Order.id)
        .limit(100)
    )
    payments = await db.scalars(
        select(Payment).order_by(Payment.paid_at.desc(), Payment.id.desc()).limit(50)
    )
    return {
        "pending": [await pending_line(order) for order in pending],
        "payments": [await payment_line(payment, db) for payment in payments],
    }


async def pending_line(order: Order) -> str:
    return f"{order.number} for {await recipient(order)}: {order.total}"


async def recipient(order: Order) -> str:
    customer = await order.awaitable_attrs.customer
    address = await order.awaitable_attrs.shipping_address
    return f"{customer.name}, {address.city}"


async def payment_line(payment: Payment, db: Db) -> str:
    order = await db.get_one(Order, payment.order_id)
    return f"{payment.amount} by {payment.method} for {order.number}"


@router.get("/orders")
async def list_orders(db: Db, status: str = "") -> list[dict]:
    orders = select(Order)
    if status:
        orders = orders.where(Order.status == status)
    latest = orders.order_by(Order.placed_at.desc(), Order.id.desc()).limit(100)
    rows = []
    for order in await db.scalars(latest):
        customer = await order.awaitable_attrs.customer
        company = await customer.awaitable_attrs.company
        address = await order.awaitable_attrs.shipping_address
        rows.append(
            {
                "number": order.number,
                "customer": customer.name,
                "company": company.name,
                "city": address.city,
                "total": order.total,
            }
        )
    return rows


@router.post("/orders", status_code=201)
async def create_order(new: NewOrder, db: Db) -> dict:
    address = await db.scalar(
        select(Address).where(Address.customer_id == new.customer_id).order_by(Address.id).limit(1)
    )
    if address is None:
        raise HTTPException(404)
    items = [await order_item(line, db) for line in new.items]
    order = Order(
        number=f"WEB-{await db.scalar(select(func.max(Order.id))) + 1}",
        customer_id=new.customer_id,
        shipping_address_id=address.id,
        status="pending",
        total=sum(item.quantity * item.unit_price for item in items),
        placed_at=datetime.now(UTC),
        items=items,
    )
    db.add(order)
    await db.commit()
    return {"number": order.number, "total": order.total}


async def order_item(line: NewLine, db: Db) -> OrderItem:
    product = await db.get_one(Product, line.product_id)
    return OrderItem(product_id=product.id, quantity=line.quantity, unit_price=product.price)


@router.get("/orders/full")
async def full_orders(db: Db, page: int = 1) -> list[OrderOut]:
    return await db.run_sync(order_documents, page)


def order_documents(session: Session, page: int) -> list[OrderOut]:
    orders = session.scalars(select(Order).order_by(Order.number).limit(20).offset((page - 1) * 20))
    return [OrderOut.model_validate(order) for order in orders]


@router.get("/orders/packing")
async def packing_list(db: Db, page: int = 1) -> list[dict]:
    live = select(Order).where(Order.status != "cancelled").order_by(Order.id)
    orders = await db.scalars(live.limit(20).offset((page - 1) * 20))
    return [
        {
            "number": order.number,
            "city": (await order.awaitable_attrs.shipping_address).city,
            "lines": [await packing_line(item) for item in await order.awaitable_attrs.items],
        }
        for order in orders
    ]


async def packing_line(item: OrderItem) -> str:
    product = await item.awaitable_attrs.product
    supplier = await product.awaitable_attrs.supplier
    return f"{item.quantity} x {product.name} of {supplier.name}"


@router.get("/orders/shipped")
async def shipped_orders(db: Db, page: int = 1) -> list[dict]:
    return await db.run_sync(shipping_table, page)


def shipping_table(session: Session, page: int) -> list[dict]:
    shipped = select(Order).where(Order.shipment.has()).order_by(Order.id)
    orders = session.execute(shipped.limit(100).offset((page - 1) * 100)).scalars()
    return [
        {
            "number": order.number,
            "carrier": order.shipment.carrier,
            "city": order.shipping_address.city,
            "country": order.shipping_address.country.name,
        }
        for order in orders
    ]


@router.get("/orders/state")
async def order_states(db: Db, page: int = 1) -> list[dict]:
    orders = await db.scalars(select(Order).order_by(Order.id).limit(100).offset((page - 1) * 100))
    states = []
    for order in orders:
        items = await db.scalar(
            select(func.count()).select_from(OrderItem).where(OrderItem.order_id == order.id)
        )
        paid = await db.scalar(select(exists().where(Payment.order_id == order.id)))
        states.append({"number": order.number, "items": items, "paid": paid})
    return states


@router.get("/orders/summary")
async def order_summary(db: Db, page: int = 1) -> list[dict]:
    orders = await db.scalars(
        select(Order)
        .options(joinedload(Order.customer))
        .options(selectinload(Order.items).joinedload(OrderItem.product))
        .order_by(Order.number)
        .limit(20)
        .offset((page - 1) * 20)
    )
    return [
        {
            "number": order.number,
            "customer": order.customer.name,
            "names": [item.product.name for item in order.items],
        }
        for order in orders
    ]


@router.get("/orders/by-number/{number}")
async def order_by_number(number: str, db: Db) -> dict:
    order = await db.scalar(
        select(Order).options(joinedload(Order.customer)).where(Order.number == number)
    )
    if order is None:
        raise HTTPException(404)
    return {"number": order.number, "customer": order.customer.name, "status": order.status}


@router.get("/orders/{order_id}")
async def show_order(order_id: int, db: Db) -> OrderOut:
    order = await db.get(
        Order,
        order_id,
        options=[
            joinedload(Order.customer).joinedload(Customer.company).joinedload(Company.country),
            selectinload(Order.items).joinedload(OrderItem.product),
            selectinload(Order.payments),
        ],
    )
    if order is None:
        raise HTTPException(404)
    return OrderOut.model_validate(order)


@router.get("/orders/{order_id}/invoice")
async def invoice(order_id: int, db: Db) -> dict:
    order = await db.get(Order, order_id)
    if order is None:
        raise HTTPException(404)
    lines = []
    for item in await order.awaitable_attrs.items:
        product = await item.awaitable_attrs.product
        supplier = await product.awaitable_attrs.supplier
        lines.append([item.quantity, product.name, supplier.name, item.unit_price])
    customer = await order.awaitable_attrs.customer
    return {"number": order.number, "customer": customer.name, "lines": lines}


@router.post("/orders/{order_id}/cancel")
async def cancel(order_id: int, db: Db) -> dict:
    order = await db.get(Order, order_id)
    if order is None:
        raise HTTPException(404)
    order.status = "cancelled"
    await db.commit()
    return {"number": order.number, "status": order.status}


@router.get("/payments")
async def list_payments(db: Db, page: int = 1) -> list[dict]:
    payments = await db.scalars(
        select(Payment).order_by(Payment.id).limit(100).offset((page - 1) * 100)
    )
    rows = []
    for payment in payments:
        found = await db.execute(select(Order).where(Order.id == payment.order_id))
        order = found.scalar_one()
        rows.append({"order": order.number, "amount": payment.amount, "method": payment.method})
    return rows


@router.get("/payments/cheques")
async def cheques(db: Db) -> list[dict]:
    """The cheques to take to the bank, the oldest first."""
    payments = await db.scalars(
        select(Payment)
        .where(Payment.method == "cheque")
        .order_by(Payment.paid_at, Payment.id)
        .limit(50)
    )
    return [{"reference": payment.reference, "amount": payment.amount} for payment in payments]


@router.get("/payments/{reference}")
async def payment_by_reference(reference: str, db: Db) -> dict:
    payment = await db.scalar(select(Payment).where(Payment.reference == reference))
    if payment is None:
        raise HTTPException(404)
    return {"order": payment.order_id, "amount": payment.amount, "paid_at": payment.paid_at}


@router.get("/shipments")
async def list_shipments(db: Db, page: int = 1) -> list[dict]:
    query = select(Shipment).order_by(Shipment.id.desc()).limit(100)
    result = await db.execute(query.offset((page - 1) * 100))
    return [await shipment_row(shipment) for shipment in result.scalars()]


async def shipment_row(shipment: Shipment) -> dict:
    order = await shipment.awaitable_attrs.order
    customer = await order.awaitable_attrs.customer
    return {
        "carrier": shipment.carrier,
        "customer": customer.name,
        "destination": await destination(order),
    }


async def destination(order: Order) -> str:
    address = await order.awaitable_attrs.shipping_address
    country = await address.awaitable_attrs.country
    return f"{address.city}, {country.name}"


@router.get("/shipments/{tracking_number}")
async def track(tracking_number: str, db: Db) -> dict:
    found = await db.execute(select(Shipment).filter_by(tracking_number=tracking_number))
    shipment = found.scalar_one_or_none()
    if shipment is None:
        raise HTTPException(404)
    return {"carrier": shipment.carrier, "shipped_at": shipment.shipped_at}
