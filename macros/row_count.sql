{#- Nothing to measure besides rows_seen, which every statement begins with. -#}
