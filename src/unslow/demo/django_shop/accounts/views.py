from django.db.models import Count
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.views.generic import ListView

from accounts.directory import team_entry
from accounts.models import Address, Comment, Company, Country, Customer, Profile


def company_list(request):
    page = int(request.GET.get("page", 1))
    companies = Company.objects.order_by("name", "id")[(page - 1) * 100 : page * 100]
    return JsonResponse({"companies": [company_row(company) for company in companies]})


def company_row(company):
    return {
        "id": company.id,
        "name": company.name,
        "country": company.country.name,
        "customers": company.customers.count(),
    }


def company_detail(request, pk):
    company = get_object_or_404(Company, pk=pk)
    country = Country.objects.get(pk=company.country_id)
    customers = company.customers.order_by("name", "id")[:50]
    return JsonResponse(
        {
            "id": company.id,
            "name": company.name,
            "industry": company.industry,
            "country": country.name,
            "customers": [{"id": customer.id, "name": customer.name} for customer in customers],
        }
    )


def company_directory(request):
    page = int(request.GET.get("page", 1))
    companies = (
        Company.objects.select_related("country")
        .annotate(customer_count=Count("customers"))
        .order_by("name", "id")[(page - 1) * 50 : page * 50]
    )
    return JsonResponse(
        {
            "companies": [
                {
                    "id": company.id,
                    "name": company.name,
                    "country": company.country.name,
                    "customers": company.customer_count,
                }
                for company in companies
            ]
        }
    )


def country_list(request):
    countries = Country.objects.order_by("name").values("code", "name")
    return JsonResponse({"countries": list(countries)})


class CustomerList(ListView):
    queryset = Customer.objects.order_by("name", "id")
    paginate_by = 50
    template_name = "customers.html"
    context_object_name = "customers"


def customer_detail(request, pk):
    customer = Customer.objects.select_related("company", "account_manager").get(pk=pk)
    addresses = Address.objects.filter(customer=customer)
    return JsonResponse(
        {
            "id": customer.id,
            "name": customer.name,
            "email": customer.email,
            "company": customer.company.name,
            "account_manager": customer.account_manager and customer.account_manager.username,
            "addresses": [f"{address.street}, {address.city}" for address in addresses],
        }
    )


def customer_history(request, pk):
    customer = get_object_or_404(Customer, pk=pk)
    history = []
    for order in customer.orders.order_by("-placed_at", "-id")[:50]:
        lines = [line(item) for item in order.items.all()]
        history.append({"number": order.number, "status": order.status, "lines": lines})
    return JsonResponse({"customer": customer.name, "orders": history})


def line(item):
    product = item.product
    return f"{item.quantity} x {product.name} by {product.supplier.name}"


def address_book(request):
    page = int(request.GET.get("page", 1))
    customers = Customer.objects.order_by("email")[(page - 1) * 100 : page * 100]
    book = []
    for customer in customers:
        addresses = Address.objects.filter(customer=customer)
        cities = [address.city for address in addresses]
        book.append({"id": customer.id, "name": customer.name, "cities": cities})
    return JsonResponse({"customers": book})


def customer_labels(request):
    page = int(request.GET.get("page", 1))
    customers = Customer.objects.filter(account_manager__isnull=True).order_by("id")
    labels = [customer.display_name for customer in customers[(page - 1) * 100 : page * 100]]
    return JsonResponse({"labels": labels})


def managed_customers(request):
    page = int(request.GET.get("page", 1))
    customers = (
        Customer.objects.filter(account_manager__isnull=False)
        .select_related("account_manager__profile", "company")
        .prefetch_related("addresses")
        .order_by("id")[(page - 1) * 20 : page * 20]
    )
    return JsonResponse(
        {
            "customers": [
                {
                    "name": customer.name,
                    "company": customer.company.name,
                    "manager": customer.account_manager.profile.job_title,
                    "cities": [address.city for address in customer.addresses.all()],
                }
                for customer in customers
            ]
        }
    )


def team(request):
    profiles = Profile.objects.order_by("job_title", "id")[:100]
    return JsonResponse({"team": [team_entry(profile) for profile in profiles]})


def activity(request):
    page = int(request.GET.get("page", 1))
    comments = Comment.objects.order_by("-id")[(page - 1) * 100 : page * 100]
    return JsonResponse(
        {
            "comments": [
                {
                    "author": comment.author.username,
                    "subject": str(comment.subject),
                    "body": comment.body,
                }
                for comment in comments
            ]
        }
    )
