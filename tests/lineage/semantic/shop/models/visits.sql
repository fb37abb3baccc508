select 1 as visit_id, 1 as visitor, timestamp '2026-01-01' as visited_at, 'search' as referrer, 'shoes' as page
