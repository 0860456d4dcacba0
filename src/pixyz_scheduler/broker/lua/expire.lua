-- expire(id, moment): doom a job that had ended by then (epoch s), so that it is not run again while its files go.
-- 1, or 0 where it had not, or is gone.
local id, moment = ARGV[2], tonumber(ARGV[3])
local ended = redis.call('ZSCORE', 'ps:finished', id)
if not ended or tonumber(ended) > moment or not TERMINAL[state_of(id)] then return 0 end
redis.call('SADD', 'ps:doomed', id)
return 1
