def label(order):
    return describe(order)


def describe(order):
    return f"{order.pk} {order.customer.name}"


def only_open(orders):
    return orders.open()
