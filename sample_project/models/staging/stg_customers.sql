select
    customer_id,
    became_customer_on,
    segment
from {{ source('hubspot', 'customers') }}
