import contextlib
import copy
import gc
import importlib
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Prefetch, prefetch_related_objects
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods
from django.views.generic import ListView, View

from shop.helpers import label, only_open
from shop.models import Comment, Company, Customer, Item, Label, Order, Product, Profile, Tag


def forward():
    orders = Order.objects.filter(status="open").order_by("id")
    return [order.customer.name for order in orders]


def two_levels():
    return [order.customer.company.name for order in Order.objects.all()]


def three_levels():
    names = []
    for item in Item.objects.order_by("id"):
        names.append(item.order.customer.company.name)
    return names


def one_to_one():
    return [profile.customer.name for profile in Profile.objects.all()]


def reverse_one_to_one():
    return [customer.profile.bio for customer in Customer.objects.all()]


def reverse_all():
    return [[item.quantity for item in order.items.all()] for order in Order.objects.all()]


def reverse_filter():
    return [len(order.items.filter(quantity=1)) for order in Order.objects.all()]


def reverse_count():
    return [order.items.count() for order in Order.objects.all()]


def reverse_exists():
    return [order.items.exists() for order in Order.objects.all()]


def reverse_first():
    return [order.items.first().quantity for order in Order.objects.all()]


def reverse_slice():
    return [list(order.items.all()[:2]) for order in Order.objects.all()]


def reverse_iterator():
    return [[item.pk for item in order.items.iterator()] for order in Order.objects.all()]


def reverse_filter_exists():
    return [order.items.filter(quantity=9).exists() for order in Order.objects.all()]


def through_reverse():
    return [
        [item.product.name for item in order.items.all()] for order in Order.objects.order_by("id")
    ]


def through_filtered_reverse():
    return [
        [item.product.name for item in order.items.filter(quantity=1)]
        for order in Order.objects.order_by("id")
    ]


def many_to_many():
    return [[tag.name for tag in order.tags.all()] for order in Order.objects.all()]


def many_to_many_count():
    return [order.tags.count() for order in Order.objects.all()]


def many_to_many_reverse():
    return [[order.pk for order in tag.orders.all()] for tag in Tag.objects.all()]


def generic_forward():
    return [comment.target.pk for comment in Comment.objects.all()]


def generic_reverse():
    return [[comment.text for comment in order.comments.all()] for order in Order.objects.all()]


def deferred():
    return [order.notes for order in Order.objects.defer("notes")]


def only_then_foreign_key():
    return [order.customer_id for order in Order.objects.only("status")]


def get_per_row():
    return [Customer.objects.get(pk=order.customer_id).name for order in Order.objects.all()]


def filter_per_row():
    return [
        list(Item.objects.filter(order=order).order_by("quantity")) for order in Order.objects.all()
    ]


def count_per_row():
    return [Item.objects.filter(order_id=order.pk).count() for order in Order.objects.all()]


def exists_per_row():
    return [Item.objects.filter(order_id=order.pk).exists() for order in Order.objects.all()]


def in_property():
    return [order.company_name for order in Order.objects.all()]


def in_method():
    return [order.item_names() for order in Order.objects.all()]


def in_helper():
    orders = Order.objects.all()
    return [label(order) for order in orders]


def custom_queryset():
    return [order.customer.name for order in Order.objects.open()]


def custom_manager():
    return [order.customer.name for order in Order.active.all()]


def custom_with_select_related():
    return [order.customer.company.name for order in Order.objects.with_customer()]


def select_related():
    orders = Order.objects.select_related("customer")
    return [order.customer.company.name for order in orders]


def select_related_reverse():
    profiles = Profile.objects.select_related("customer__profile")
    return [profile.customer.company.name for profile in profiles]


def prefetch_related():
    orders = Order.objects.prefetch_related("items")
    return [[item.product.name for item in order.items.all()] for order in orders]


def prefetch_object():
    orders = Order.objects.prefetch_related(
        Prefetch("items", queryset=Item.objects.filter(quantity__gte=1), to_attr="some_items")
    )
    return [[item.product.name for item in order.some_items] for order in orders]


def prefetch_nested():
    orders = Order.objects.prefetch_related("items__product", "tags")
    return [[item.product.name for item in order.items.all()] for order in orders]


def values():
    return list(Order.objects.values("id", "customer__name"))


def values_list():
    return list(Order.objects.values_list("id", flat=True))


def in_bulk():
    return [company.name for company in Company.objects.in_bulk([1, 2]).values()]


def aggregate():
    return Order.objects.aggregate(n=Count("id"))


def grouped_count():
    return Order.objects.values("status").annotate(n=Count("id")).count()


def writes():
    product = Product.objects.create(name="new")
    product.name = "newer"
    product.save()
    Product.objects.filter(name="newer").update(name="newest")
    product.delete()
    return None


def raw():
    return [order.customer.name for order in Order.objects.raw("select * from shop_order")]


def plain_sql():
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from shop_order where status = %s", ["open"])
        return cursor.fetchone()[0]


def iterator():
    return [order.customer.name for order in Order.objects.iterator(chunk_size=2)]


def sliced():
    return [order.customer.name for order in Order.objects.order_by("id")[:2]]


def paginated():
    page = Paginator(Order.objects.order_by("id"), 2).page(1)
    return [order.customer.name for order in page]


def refreshed():
    order = Order.objects.get(pk=1)
    order.refresh_from_db()
    return order.status


def shortcut():
    order = get_object_or_404(Order, pk=1)
    return order.customer.name


def built_in_steps():
    orders = Order.objects.all()
    orders = orders.filter(status="open")
    orders = orders.order_by("id")
    return [order.customer.name for order in orders]


def copied():
    orders = copy.deepcopy(Order.objects.all())
    return [copy.copy(order).customer.name for order in orders]


def pickled():
    order = Order.objects.select_related("customer")[0]
    dump = pickle.dumps([order, Order.objects.all(), Order.objects.filter(status="open").query])
    restored = pickle.loads(dump)[0]
    return "unslow in it" if b"unslow.observe" in dump or restored.pk != order.pk else "no trace"


def generic_prefetch():
    comments = Comment.objects.prefetch_related("target")
    return [comment.target.customer.name for comment in comments]


def prefetched_later():
    orders = list(Order.objects.order_by("id"))
    prefetch_related_objects(orders, "items__product")
    return [[item.product.name for item in order.items.all()] for order in orders]


def nested_prefetch_objects():
    items = Item.objects.prefetch_related(
        Prefetch("product", queryset=Product.objects.only("name"))
    )
    orders = Order.objects.prefetch_related(Prefetch("items", queryset=items))
    return [[item.order.customer.name for item in order.items.all()] for order in orders]


def prefetched_then_filtered():
    orders = Order.objects.prefetch_related("items")
    return [order.items.filter(quantity=1).count() for order in orders]


def prefetched_and_served():
    orders = Order.objects.prefetch_related("items", "tags")
    return [
        (order.items.count(), order.items.exists(), len(order.tags.all()), order.tags.count())
        for order in orders
    ]


def united():
    orders = Order.objects.filter(pk=1).union(Order.objects.filter(pk=2))
    return [order.customer.name for order in orders]


def reversed_one_to_one_missing():
    company = Company.objects.create(name="lone")
    Customer.objects.create(name="lone", company=company)
    customers = list(Customer.objects.filter(company=company))
    found = [hasattr(customer, "profile") for customer in customers]
    company.delete()
    return found


def created_then_read():
    order = Order(customer_id=1, status="new")
    return order.customer.company.name


def content_type_of():
    comment = Comment(text="x", content_type_id=1, object_id=1)
    return comment.content_type.model


def annotated():
    orders = Order.objects.annotate(n=Count("items")).filter(n__gt=0)
    return [order.customer.name for order in orders]


def last_and_latest():
    return Order.objects.order_by("id").last().pk + Order.objects.latest("pk").pk


def contained():
    return Order.objects.filter(status="open").contains(Order.objects.get(pk=1))


def evaluated_by_bool():
    return bool(Order.objects.all()), len(Order.objects.all()), Order.objects.all()[0].pk


def failing():
    with contextlib.suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select * from nowhere")
    return Order.objects.get(pk=1).pk


def released():
    orders = list(Order.objects.all())
    names = [order.customer.name for order in orders]
    watched = [weakref.ref(order) for order in orders]
    del orders
    gc.collect()
    return f"{sum(one() is not None for one in watched)} of {len(names)} kept"


def peers():
    modes = importlib.import_module("django.db.models")
    orders = Order.objects.order_by("id")
    if hasattr(modes, "FETCH_PEERS"):
        orders = orders.fetch_mode(modes.FETCH_PEERS)
    return [order.customer.company.name for order in orders]


def own_queryset_class():
    return [[order.pk for order in tag.orders.all()] for tag in Label.loud.shouted().all()]


def in_threads():
    orders = list(Order.objects.all())
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_name_of, orders))


def _name_of(order):
    try:
        return order.customer.name
    finally:
        connection.close()


def combined():
    orders = Order.objects.filter(status="open") | Order.objects.filter(status="void")
    return [order.customer.name for order in orders]


def got_or_created():
    return [Tag.objects.get_or_create(name=name)[0].name for name in ("tag 0", "tag 1")]


def extended_by_helper():
    orders = only_open(Order.objects.order_by("id"))
    return [order.customer.name for order in orders]


def template(request):
    return render(request, "shop/orders.html", {"orders": Order.objects.order_by("id")})


VIEWS = {
    name: function
    for name, function in list(globals().items())
    if getattr(function, "__module__", "") == __name__ and callable(function) and name[0] != "_"
}


@login_required
@require_http_methods(["GET", "POST"])
def account(request):
    return HttpResponse(request.user.username)


@require_http_methods(["GET"])
def legacy(request, code):
    product = get_object_or_404(Product, pk=code)
    return HttpResponse(product.name)


class ProfileDetail(LoginRequiredMixin, View):
    def get(self, request, *args, **kwargs):
        profile = Profile.objects.get(customer__id=self.kwargs["customer_id"])
        return HttpResponse(profile.bio)


def detail(request, pk):
    order = Order.objects.get(pk=pk)
    return JsonResponse({"customer": order.customer.name})


def dispatch(request, name):
    if name == "template":
        return template(request)
    return HttpResponse(str(VIEWS[name]()))


class OrderListing(ListView):
    queryset = Order.objects.order_by("id")
    template_name = "shop/orders.html"
    context_object_name = "orders"
    paginate_by = 2


class OverriddenListing(ListView):
    queryset = Order.objects.all()
    template_name = "shop/orders.html"
    context_object_name = "orders"

    def get_queryset(self):
        return super().get_queryset().filter(status="open")


async def async_for():
    return [order.pk async for order in Order.objects.order_by("id")]


async def async_get():
    return [(await Customer.objects.aget(pk=pk)).name for pk in (1, 2)]


async def async_lazy():
    from asgiref.sync import sync_to_async

    orders = Order.objects.order_by("id")
    return [(await sync_to_async(getattr)(order, "customer")).name async for order in orders]


async def async_bridged():
    from asgiref.sync import sync_to_async

    get = sync_to_async(Order.objects.get)
    return [(await get(pk=pk)).pk for pk in (1, 2)]


async def async_related():
    return [[item.pk async for item in order.items.all()] async for order in Order.objects.all()]


async def dispatch_async(request, name):
    return HttpResponse(str(await globals()[name]()))
