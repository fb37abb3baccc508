select
    spend_date,
    {{ week_of('spend_date') }} as week_start,
    platform,
    campaign,
    impressions,
    clicks,
    amount as ad_spend,
    loaded_at
from {{ source('ads', 'spend') }}
