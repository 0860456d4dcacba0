-- renew(id, nonce, ttl ms, progress): buy time, tell the progress ('' for none). go_on | stop | lost
local id, nonce, ttl, progress = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local now = logical_ms()
if not holds(id, nonce) then return 'lost' end
redis.call('ZADD', 'ps:leases', 'XX', now + ttl, id)
if progress ~= '' then
  redis.call('HSET', key(id), 'progress', progress)
  set_state(id, 'RUNNING')
end
if redis.call('HGET', key(id), 'cancel') == '1' then return 'stop' end
return 'go_on'
