select
    week_start,
    cast(sum(sessions) as bigint) as sessions,
    cast(sum(engaged_sessions) as bigint) as engaged_sessions
from {{ ref('stg_sessions') }}
group by week_start
