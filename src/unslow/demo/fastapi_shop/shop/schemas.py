from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CountryOut(Schema):
    code: str
    name: str


class SupplierOut(Schema):
    id: int
    name: str
    country: CountryOut


class CategoryOut(Schema):
    slug: str
    name: str


class TagOut(Schema):
    name: str


class ProductOut(Schema):
    id: int
    sku: str
    name: str
    price: Decimal
    supplier: SupplierOut
    categories: list[CategoryOut]
    tags: list[TagOut]


class CompanyOut(Schema):
    id: int
    name: str
    country: CountryOut


class CustomerOut(Schema):
    id: int
    name: str
    company: CompanyOut


class ItemProductOut(Schema):
    sku: str
    name: str


class ItemOut(Schema):
    product: ItemProductOut
    quantity: int
    unit_price: Decimal


class PaymentOut(Schema):
    amount: Decimal
    method: str
    paid_at: datetime


class OrderOut(Schema):
    number: str
    status: str
    total: Decimal
    customer: CustomerOut
    items: list[ItemOut]
    payments: list[PaymentOut]


class MovementOut(Schema):
    id: int
    product_id: int
    kind: str
    quantity: int
    reference: str
    happened_at: datetime


class NewReview(BaseModel):
    product_id: int
    customer_id: int
    rating: int = Field(ge=1, le=5)
    title: str = Field(max_length=120)
    body: str


class NewLine(BaseModel):
    product_id: int
    quantity: int = Field(ge=1)


class NewOrder(BaseModel):
    customer_id: int
    items: list[NewLine]
