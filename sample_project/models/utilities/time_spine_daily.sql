-- Every day of the reported weeks: the time spine of the semantic layer.
with weeks as (

    select week_start from {{ ref('stg_calendar_weeks') }}

),

days_of_week as (

    select 0 as day_number
    union all select 1
    union all select 2
    union all select 3
    union all select 4
    union all select 5
    union all select 6

)

select cast(weeks.week_start + days_of_week.day_number as date) as date_day
from weeks
cross join days_of_week
