-- doomed(limit): ids of deleted jobs that have ended, to be removed. What has no record any more is no longer listed.
local limit = tonumber(ARGV[2])
local ended = {}
for _, id in ipairs(redis.call('SMEMBERS', 'ps:doomed')) do
  local state = redis.call('HGET', key(id), 'state')
  if not state then
    redis.call('SREM', 'ps:doomed', id)
  elseif TERMINAL[state] and #ended < limit then
    ended[#ended + 1] = id
  end
end
return ended
