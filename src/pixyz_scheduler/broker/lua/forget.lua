-- forget(id): remove the record of a job that has ended, from everywhere. 1, or 0 where it has not ended.
local id = ARGV[2]
local k = key(id)
local state = state_of(id)
if not state or not TERMINAL[state] then return 0 end
withdraw(id)
local got = redis.call('HMGET', k, 'queue', 'name', 'parent')
redis.call('ZREM', 'ps:jobs', id)
redis.call('ZREM', 'ps:state:' .. state, id)
redis.call('ZREM', 'ps:queue:' .. got[1], id)
if got[2] and got[2] ~= '' then redis.call('ZREM', 'ps:name:' .. got[2], id) end
redis.call('ZREM', 'ps:finished', id)
redis.call('ZREM', 'ps:unmirrored', id)
redis.call('SREM', 'ps:doomed', id)
if got[3] and got[3] ~= '' then redis.call('SREM', 'ps:children:' .. got[3], id) end
redis.call('DEL', k, 'ps:children:' .. id, 'ps:next:' .. id, 'ps:open:' .. id)
tell(id)
return 1
