select id as customer_id from {{ ref('helper','customers') }}
