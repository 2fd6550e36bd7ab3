from rest_framework import generics, serializers
from rest_framework.decorators import api_view
from rest_framework.response import Response

from catalog.models import StockMovement


class JournalSerializer(serializers.ModelSerializer):
    class Meta:
        model = StockMovement
        fields = ["id", "product", "kind", "quantity", "reference", "happened_at"]


class Journal(generics.ListAPIView):
    """The warehouse's journal, a thousand movements a sheet."""

    serializer_class = JournalSerializer
    pagination_class = None

    def get_queryset(self):
        sheet = int(self.request.GET.get("sheet", 1))
        return StockMovement.objects.order_by("id")[(sheet - 1) * 1000 : sheet * 1000]


@api_view(["GET"])
def journal_rows(request):
    rows = StockMovement.objects.order_by("-id").values("id", "kind", "quantity", "reference")
    return Response(list(rows[:400]))
