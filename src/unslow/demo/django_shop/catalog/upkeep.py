"""What the warehouse does to many rows at once."""

from decimal import Decimal

from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from catalog.models import Inventory, Product, StockMovement


@csrf_exempt
@require_POST
def stocktake(request, pk):
    """Note for each product of a supplier that it was counted."""
    products = Product.objects.filter(supplier_id=pk).order_by("id")
    for product in products:
        StockMovement.objects.create(
            product=product,
            kind=StockMovement.Kind.CORRECTION,
            quantity=0,
            reference=f"COUNT-{pk}",
            happened_at=timezone.now(),
        )
    return JsonResponse({"counted": len(products)})


@csrf_exempt
@require_POST
def count_again(request, pk):
    products = Product.objects.filter(supplier_id=pk).order_by("id")
    StockMovement.objects.bulk_create(
        StockMovement(
            product=product,
            kind=StockMovement.Kind.CORRECTION,
            quantity=0,
            reference=f"COUNT-{pk}",
            happened_at=timezone.now(),
        )
        for product in products
    )
    return JsonResponse({"counted": len(products)})


@csrf_exempt
@require_POST
def relocate(request, pk):
    """Move what a supplier's products have in stock to the new warehouse."""
    stock = Inventory.objects.filter(product__supplier_id=pk)
    for inventory in stock:
        inventory.warehouse = "Harbour"
        inventory.save()
    return JsonResponse({"moved": len(stock)})


@csrf_exempt
@require_POST
def relocate_at_once(request, pk):
    stock = Inventory.objects.filter(product__supplier_id=pk)
    return JsonResponse({"moved": stock.update(warehouse="Harbour")})


@csrf_exempt
@require_POST
def forget_counts(request, pk):
    """Start a new count: what the last one corrected goes, one line for each product comes."""
    for movement in StockMovement.objects.filter(product__supplier_id=pk, kind="correction"):
        movement.delete()
    products = Product.objects.filter(supplier_id=pk).order_by("id")
    now = timezone.now()
    lines = [
        StockMovement(product=product, kind="correction", quantity=0, happened_at=now)
        for product in products
    ]
    StockMovement.objects.bulk_create(lines)
    return JsonResponse({"lines": len(lines)})


@csrf_exempt
@require_POST
def reduce_prices(request, pk):
    """Four per cent off what a supplier sells."""
    for product in Product.objects.filter(supplier_id=pk):
        product.price = product.price * Decimal("0.96")
        product.save()
    return JsonResponse({"reduced": True})


@csrf_exempt
@require_POST
def top_up(request, pk):
    """Ten more of everything, and the names of what was low."""
    low = []
    for inventory in Inventory.objects.filter(product__supplier_id=pk).select_related("product"):
        if inventory.quantity < 200:
            low.append(inventory.product.name)
        inventory.quantity += 10
        inventory.save(update_fields=["quantity"])
    return JsonResponse({"low": low})
