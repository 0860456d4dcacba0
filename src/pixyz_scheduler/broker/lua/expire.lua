-- expire(id, moment): doom a job that had ended by then (epoch s), so that it is not run again while its files go.
-- 1, or 0 where it had not, is gone, or one of its family has not ended.
local id, moment = ARGV[2], tonumber(ARGV[3])
local ended = redis.call('ZSCORE', 'ps:finished', id)
if not ended or tonumber(ended) > moment or not TERMINAL[state_of(id)] then return 0 end
-- Others of its family may still need its files and its result.
local root = redis.call('HGET', key(id), 'root')
root = root and root ~= '' and root or id
local stands = state_of(root)
if redis.call('EXISTS', 'ps:open:' .. root) == 1 or stands and not TERMINAL[stands] then return 0 end
redis.call('SADD', 'ps:doomed', id)
return 1
