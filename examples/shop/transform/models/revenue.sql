-- What each product brought in, by day.
select
    cast(orders.placed_at as date) as day,
    orders.product,
    count(*) as orders,
    sum(orders.quantity * cast(prices.price as decimal(8, 2))) as revenue
from {{ source('raw', 'orders') }} as orders
join {{ source('raw', 'prices') }} as prices on prices.product = orders.product
group by all
