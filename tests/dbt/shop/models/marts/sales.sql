select id as sale_id, amount, ordered_on as sold_on from {{ ref('orders') }}
