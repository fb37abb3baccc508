select
    session_date,
    {{ week_of('session_date') }} as week_start,
    channel_group,
    sessions,
    engaged_sessions
from {{ source('ga4', 'sessions') }}
