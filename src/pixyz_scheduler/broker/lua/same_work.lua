-- same_work(key): the job that has done this work last, and whose outputs are whole: {id, field, value, ...}, or {}.
-- It may have been run again since, be about to be removed, or have started others that still write among its outputs.
local work = ARGV[2]
local id = redis.call('GET', 'ps:cache:' .. work)
if not id or state_of(id) ~= 'SUCCESS' or redis.call('SISMEMBER', 'ps:doomed', id) == 1 then return {} end
local got = redis.call('HMGET', key(id), 'cache_key', 'root')
if got[1] ~= work then return {} end
local root = got[2] and got[2] ~= '' and got[2] or id
if redis.call('SCARD', 'ps:children:' .. id) > 0 and redis.call('EXISTS', 'ps:open:' .. root) == 1 then return {} end
local answer = redis.call('HGETALL', key(id))
table.insert(answer, 1, id)
return answer
