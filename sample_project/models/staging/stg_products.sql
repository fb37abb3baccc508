select
    sku,
    product_name,
    category,
    list_price,
    launched_on
from {{ source('shopify', 'products') }}
