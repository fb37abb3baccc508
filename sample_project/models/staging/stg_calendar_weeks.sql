select
    week_start,
    week_end,
    fiscal_year,
    fiscal_week
from {{ ref('calendar_weeks') }}
