select
    week_start,
    sum(ad_spend) as ad_spend,
    cast(sum(clicks) as bigint) as clicks
from {{ ref('stg_ad_spend') }}
group by week_start
