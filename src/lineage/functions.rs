//! What the functions of the warehouses do to rows: sum them up, multiply them, or leave them alone. A data table.
//!
//! A function that is in none of the lists is unknown: it may be an aggregate, a set-returning function, or a macro that reads other tables.
//! One list serves all dialects; a name that aggregates in any of them is listed as an aggregate, which draws more, never less.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use sqlparser::ast::Ident;

use super::dialect::Manners;
use super::kind::Types;

/// What a function does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// One value from one row.
    Scalar,
    /// One value from many rows.
    Aggregate,
    /// Many rows from one value.
    Many,
    /// Means something only to its own warehouse.
    Unknown,
}

/// Looks a function up by its lower-cased name.
pub(super) fn sort(name: &str) -> Sort {
    static SORTS: LazyLock<HashMap<&'static str, Sort>> = LazyLock::new(|| {
        let lists = [(SCALARS, Sort::Scalar), (MORE_SCALARS, Sort::Scalar), (MANY, Sort::Many), (AGGREGATES, Sort::Aggregate)];
        lists.iter().flat_map(|(list, sort)| list.split_ascii_whitespace().map(|name| (name, *sort))).collect()
    });
    SORTS
        .get(name)
        .copied()
        .unwrap_or_else(|| if SCALAR_FAMILIES.iter().any(|family| name.starts_with(family)) { Sort::Scalar } else { Sort::Unknown })
}

/// The columns of a table function whose columns are always the same.
pub(super) fn columns_of(function: &str) -> Option<&'static str> {
    TABLES.iter().find(|(name, _)| *name == function).map(|(_, columns)| *columns)
}

/// Table functions that make rows of their arguments alone, with their columns.
const TABLES: &[(&str, &str)] = &[
    ("flatten", "seq key path index value this"),
    ("split_to_table", "seq index value"),
    ("strtok_split_to_table", "seq index value"),
    ("sequence", "sequential_number"),
];

/// Beginnings of the names of functions that give one value from one row, in every warehouse that has such names.
const SCALAR_FAMILIES: &[&str] = &["bitwise_", "bytearray_", "h3_", "hll_estimate", "regexp_", "varbinary_"];

/// Whether what an aggregate gives depends on the order in which the rows come.
pub(super) fn takes_order(function: &str) -> bool {
    static TAKERS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ORDER_TAKERS.split_ascii_whitespace().collect());
    TAKERS.contains(function)
}

/// Whether a function takes lambdas. Elsewhere `body -> '$.a'` is a JSON path, which the parser takes for a lambda.
pub(super) fn takes_lambda(function: &str) -> bool {
    LAMBDA_TAKERS.split_ascii_whitespace().any(|known| known == function)
}

/// What a bare word among the arguments of a call can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A name.
    Name,
    /// A unit of time, unless something has this name: `date_trunc(month, d)`, which some allow the other way round.
    UnitOrName,
    /// A unit of time, whatever has this name: `datediff(day, a, b)`.
    Unit,
}

/// What the argument `at` of so many arguments of a function is, where it is a bare word.
pub(super) fn word(function: &str, word: &Ident, (at, arguments): (usize, usize), manners: &Manners) -> Word {
    const FIRST_OF_THREE: &[&str] =
        &["datediff", "datediff_big", "date_diff", "timediff", "timestampdiff", "dateadd", "date_add", "timeadd", "timestampadd"];
    const FIRST: &[&str] = &["date_part", "datepart", "datename", "datetrunc", "date_bucket"];
    const LAST: &[&str] = &["last_day", "trunc"];
    const LAST_IN_BIGQUERY: &[&str] =
        &["date_trunc", "datetime_trunc", "timestamp_trunc", "time_trunc", "date_diff", "datetime_diff", "timestamp_diff", "time_diff"];
    let is_unit = || word.quote_style.is_none() && UNITS.split_ascii_whitespace().any(|unit| unit.eq_ignore_ascii_case(&word.value));
    if !manners.bare_units || arguments < 2 || !is_unit() {
        return Word::Name;
    }
    let (first, last, bigquery) = (at == 0, at + 1 == arguments, manners.types == Types::BigQuery);
    let in_list = |list: &[&str]| list.contains(&function);
    let is_place = match () {
        () if in_list(LAST) || bigquery && in_list(LAST_IN_BIGQUERY) => last,
        () if in_list(FIRST) || !bigquery && arguments == 3 && in_list(FIRST_OF_THREE) => first,
        () if in_list(LAST_IN_BIGQUERY) && (first || last) => return Word::UnitOrName,
        () => false,
    };
    if is_place { Word::Unit } else { Word::Name }
}

/// Whether a bare word is a value of the session and no column.
pub(super) fn is_session_word(word: &str) -> bool {
    SESSION_WORDS.split_ascii_whitespace().any(|known| known == word)
}

const LAMBDA_TAKERS: &str = "aggregate all_match any_match apply array_aggregate array_all array_any array_apply array_filter array_first array_reduce
    array_sort array_transform exists filter forall list_apply list_filter list_reduce list_transform map_filter map_zip_with none_match reduce
    transform transform_keys transform_values zip_with";

const ORDER_TAKERS: &str = "any any_value approx_top_count approx_top_k approx_top_sum arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg array_concat_agg array_union_agg array_unique_agg collect_list
    collect_set first first_value group_concat json_agg json_agg_strict json_arrayagg json_group_array json_group_object json_object_agg
    json_objectagg jsonb_agg jsonb_object_agg last last_value list listagg lttb map_agg map_union max_by min_by mode multimap_agg
    object_agg reservoir_quantile st_collect string_agg xmlagg";

const SESSION_WORDS: &str = "current_catalog current_database current_date current_datetime current_role current_schema current_time
    current_timestamp current_user default localtime localtimestamp session_user sysdate systimestamp today user";

const UNITS: &str =
    "century centuries d day days dayofweek dayofweekiso dayofyear dd decade decades dow doy dy epoch epoch_second h hh hour hours
    isodow isoweek isoyear m mi microsecond microseconds millennium millisecond milliseconds min minute minutes mm mon month months ms ns
    nanosecond nanoseconds q qq qtr quarter quarters s second seconds ss us w week weekday weekiso weeks wk ww y year years yy yyyy";

const AGGREGATES: &str = "any any_value approx_count_distinct approx_percentile approx_quantile approx_quantiles approx_top_count approx_top_k
    approx_top_sum arbitrary arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg
    array_concat_agg array_union_agg array_unique_agg avg avgif bit_and bit_and_agg bit_or bit_or_agg bit_xor bit_xor_agg bitand_agg bitor_agg
    bitxor_agg bitmap_construct_agg bitstring_agg bool_and bool_or booland_agg boolor_agg boolxor_agg collect_list collect_set corr count count_if
    count_star countif covar_pop covar_samp decimal_average entropy every favg first first_value fsum geomean geometric_mean group_concat grouping
    grouping_id histogram histogram_exact hll hll_accumulate hll_combine hll_estimate hll_sketch_agg hll_union_agg json_agg json_agg_strict
    json_arrayagg json_group_array json_group_object json_group_structure json_object_agg json_objectagg jsonb_agg jsonb_object_agg kahan_sum kurtosis
    kurtosis_pop last last_value list listagg logical_and logical_or lttb mad map_agg map_union map_union_sum max max_by mean median min min_by
    minhash mode multimap_agg object_agg percentile percentile_approx percentile_cont percentile_disc product quantile quantile_cont quantile_disc
    range_agg reduce_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skew
    skewness some st_collect st_extent st_union_agg std stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumif sumkahan tdigest_agg
    try_avg try_sum var_pop var_samp variance variance_pop variance_samp wavg weighted_avg xmlagg";

const MANY: &str = "explode explode_outer generate_series generate_subscripts inline inline_outer json_array_elements
    json_array_elements_text json_each json_each_text json_object_keys json_to_recordset json_tuple jsonb_array_elements jsonb_array_elements_text
    jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_to_recordset posexplode posexplode_outer     regexp_split_to_table stack unnest";

const SCALARS: &str = "offset ordinal safe_offset safe_ordinal to_utf8 from_utf8 from_base from_base58 to_base58 keccak previous_day st_makeline
    st_geogfromgeojson timeadd try all_match any_match none_match to_tron_address abs acos acosh add add_days add_hours add_months addtime age alias apply aggregate array array_aggr
    array_aggregate array_append array_apply array_cat array_compact array_concat array_construct array_construct_compact array_contains
    array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct array_except array_extract array_filter
    array_first array_generate_range array_has array_has_all array_has_any array_indexof array_insert array_intersect array_intersection array_join
    array_last array_length array_lower array_max array_min array_pop_back array_pop_front array_position array_positions array_prepend
    array_push_back array_push_front array_reduce array_remove array_repeat array_replace array_resize array_reverse array_reverse_sort
    array_select array_size array_slice array_sort array_sum array_to_json array_to_string array_transform array_union array_unique array_upper
    array_value array_where array_zip arrays_overlap arrays_zip as_array as_boolean as_char as_date as_decimal as_double as_integer as_number
    as_object as_timestamp_ntz as_varchar ascii asin asinh assert_true atan atan2 atanh base64 base64_decode_string base64_encode bigint bin binary
    bit_count bit_length bit_position bitand bitnot bitor bitshiftleft bitshiftright bitstring bitxor bool boolean booland boolor bround btrim byte_length
    cardinality cast cbrt ceil ceiling century char char_length character_length charindex chr coalesce code_points_to_string collate compress
    concat concat_ws constant_or_null contains contains_key contains_substr conv convert convert_from convert_timezone convert_to cos cosh cot crc32
    current_catalog current_database current_date current_datetime current_query current_role current_schema current_schemas current_setting
    current_time current_timestamp current_timezone current_user current_warehouse currval date date_add date_bin date_bucket date_diff date_format
    date_from_parts date_from_unix_date date_part date_parse date_sub date_trunc dateadd datediff datefromparts datename datepart datesub datetime
    datetime_add datetime_diff datetime_sub datetime_trunc datetrunc day day_name day_of_month day_of_week day_of_year dayname dayofmonth dayofweek
    dayofweek_iso dayofweekiso dayofyear days days_in_month decade decimal decode degrees div div0 div0null divide double e editdist3 editdistance
    elem_contained_in element_at elt encode ends_with endswith enum_code enum_first enum_last enum_range eomonth epoch epoch_ms epoch_ns epoch_us
    equal_null error even exists exp factorial farm_fingerprint fdiv filter find_in_set flatten float floor fmod format format_bytes format_date
    format_datetime format_number format_time format_timestamp forall formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex
    from_iso8601_date from_iso8601_timestamp from_json from_unixtime from_utc_timestamp gamma gcd gen_random_uuid generate_array
    generate_date_array generate_timestamp_array generate_uuid get get_bit get_current_time get_current_timestamp get_ddl get_json_object
    get_path getbit getdate getutcdate getvariable greatest greatest_common_divisor greatest_ignore_nulls grade_up haversine hamming hamming_distance
    has hash hex hex_decode_binary hex_decode_string hex_encode host hour hours if iff ifnull ilike initcap input_file_name insert instr int
    int64 integer interval inverse is_array is_boolean is_date is_finite is_inf is_integer is_nan is_null is_null_value is_object is_timestamp_ntz
    is_varchar isdate isfinite isinf isnan isnotnull isnull isnumeric isodow isoyear jaccard jaro_similarity jaro_winkler_similarity
    jarowinkler_similarity json json_array json_array_append json_array_contains json_array_get json_array_insert json_array_length json_build_array
    json_build_object json_contains json_exists json_extract json_extract_array json_extract_array_element_text json_extract_path
    json_extract_path_text json_extract_scalar json_extract_string json_extract_string_array json_format json_insert json_keys json_length
    json_merge_patch json_object json_parse json_pretty json_query json_query_array json_quote json_remove json_replace json_serialize_sql json_set
    json_size json_strip_nulls json_structure json_transform json_transform_strict json_type json_typeof json_valid json_value json_value_array
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_exists jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
    jsonb_path_exists jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof julian justify_days
    justify_hours justify_interval";

const MORE_SCALARS: &str = "last_day last_day_of_month lcase lcm least least_common_multiple least_ignore_nulls left left_grapheme len length
    length_grapheme levenshtein levenshtein_distance lgamma like like_escape list_aggr list_aggregate list_any_value list_append list_apply
    list_avg list_cat list_concat list_contains list_count list_distinct list_dot_product list_element list_extract list_filter list_first
    list_has list_has_all list_has_any list_indexof list_intersect list_last list_max list_median list_min list_pack list_position list_prepend
    list_reduce list_resize list_reverse list_reverse_sort list_select list_slice list_sort list_string_agg list_sum list_transform list_unique
    list_value list_where list_zip ln localtime localtimestamp locate log log10 log1p log2 lower lpad ltrim make_date make_interval make_time
    make_timestamp make_timestamp_ntz make_timestamptz make_type map map_cat map_concat map_contains map_contains_entry
    map_contains_key map_contains_value map_entries map_extract map_extract_value map_filter map_from_arrays map_from_entries map_keys map_values
    map_zip_with md5 md5_binary md5_hex md5_number md5_number_lower md5_number_upper microsecond millisecond minute minutes mismatches mod
    month monthname months months_between multiply named_struct nanosecond nanvl next_day nextafter nextval nfc_normalize normalize normalize_and_casefold
    now nullif nullifzero num_nonnulls num_nulls number numeric nvl nvl2 object_construct object_construct_keep_null object_delete object_insert
    object_keys object_pick octet_length ord overlay parse_bignumeric parse_date parse_datetime parse_dirname parse_filename parse_ip parse_json
    parse_numeric parse_path parse_time parse_timestamp parse_url path_join pg_typeof pi pmod position pow power prefix printf quarter quote_ident
    quote_literal quote_nullable radians rand randn random random_string randstr range_bucket reduce regex_replace regexp regexp_contains regexp_count
    regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_instr regexp_like regexp_match regexp_matches regexp_position
    regexp_replace regexp_split regexp_split_to_array regexp_substr regexp_substr_all remainder repeat replace replicate reverse right
    right_grapheme rlike round round_even roundbankers row row_to_json rpad rtrim safe_add safe_cast safe_convert_bytes_to_string
    safe_divide safe_multiply safe_negate safe_offset safe_ordinal safe_subtract schema_of_json second seconds sequence session_user set_bit
    sha sha1 sha1_hex sha2 sha224 sha256 sha384 sha512 shiftleft shiftright sign signbit signum sin sinh size slice smallint sort_array soundex
    space split split_part split_to_array splitpart sqrt square st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid
    st_contains st_distance st_distance_sphere st_dwithin st_geogfromtext st_geogpoint st_geohash st_geometryfromtext st_geomfromgeojson
    st_geomfromtext st_geomfromwkb st_intersection st_intersects st_length st_makepoint st_point st_setsrid st_transform st_within st_x st_y
    starts_with startswith str_position str_split str_split_regex str_to_date str_to_map strcmp strftime string string_split string_split_regex
    string_to_array strip_accents strip_null_value strlen strpos strptime strtok strtok_to_array struct struct_concat struct_extract
    struct_extract_at struct_insert struct_pack struct_position struct_update subdate substr substring substring_grapheme substring_index subtract
    suffix switch sysdate sysdatetime systimestamp tan tanh text time time_add time_bucket time_diff time_from_parts time_slice time_sub time_trunc
    timediff timefromparts timeofday timestamp timestamp_add timestamp_bucket timestamp_diff timestamp_from_parts timestamp_ltz_from_parts
    timestamp_micros timestamp_millis timestamp_ntz_from_parts timestamp_seconds timestamp_sub timestamp_trunc timestamp_tz_from_parts
    timestampadd timestampdiff timezone timezone_hour timezone_minute tinyint to_array to_ascii to_base to_base32 to_base64 to_binary to_boolean
    to_centuries to_char to_code_points to_csv to_date to_days to_decades to_decimal to_double to_geography to_geometry to_hex to_hours
    to_iso8601 to_json to_json_string to_jsonb to_microseconds to_millennia to_milliseconds to_minutes to_months to_number to_numeric to_object
    to_quarters to_seconds to_time to_timestamp to_timestamp_ltz to_timestamp_ntz to_timestamp_tz to_tsvector to_unix_timestamp to_unixtime
    to_utc_timestamp to_varchar to_variant to_weeks to_xml to_years today transaction_timestamp transform transform_keys transform_values
    translate trim trunc truncate try_base64_decode_string try_cast try_convert try_divide try_element_at try_parse_json try_strptime try_to_binary
    try_to_boolean try_to_date try_to_decimal try_to_double try_to_number try_to_numeric try_to_time try_to_timestamp try_to_timestamp_ltz
    try_to_timestamp_ntz try_to_timestamp_tz typeof ucase unaccent unbase64 unbin unhex unicode uniform union_extract union_tag union_value
    unix_date unix_micros unix_millis unix_seconds unix_timestamp upper url_decode url_encode url_extract_host url_extract_parameter
    url_extract_path user utc_timestamp uuid uuid_string uuidv4 uuidv7 varchar version week week_iso week_of_year weekday weekiso weekofyear
    width_bucket word_stem xmlget xor xxhash64 year year_of_week yearofweek yearofweekiso years yearweek zeroifnull zip_with zorder";
