select 1 as id, 1 as region_id, date '2026-01-01' as joined_on, 'web' as channel, 'ann' as name
