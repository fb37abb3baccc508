select cast(range as date) as date_day, 1 as fiscal_week from range(date '2026-01-01', date '2026-12-31', interval 1 day)
