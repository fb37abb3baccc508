-- Replaced by the sessions column of mart_weekly_operating_report; kept until the old dashboard is gone.
{{ config(enabled=false) }}

select
    session_date,
    cast(sum(sessions) as bigint) as sessions
from {{ ref('stg_sessions') }}
group by session_date
