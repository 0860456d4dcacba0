-- cancel(id): waiting jobs end at once, running ones are marked and their worker is told.
-- Answers the state the job has now, cancelling while it is being stopped, or unknown.
local id = ARGV[2]
local k = key(id)
logical_ms()
local state = state_of(id)
if not state then return 'unknown' end
if TERMINAL[state] then return state end
redis.call('HSET', k, 'cancel', '1')
if HELD[state] then
  redis.call('PUBLISH', 'ps:ctl:' .. redis.call('HGET', k, 'owner'), id)
  return 'cancelling'
end
redis.call('HSET', k, 'cause', 'cancelled', 'error', 'The job was cancelled.')
finish(id, 'REVOKED')
return 'REVOKED'
