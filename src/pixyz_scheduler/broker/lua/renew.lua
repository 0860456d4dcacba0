-- renew(id, nonce, ttl ms, progress, draining): buy time, tell the progress ('' for none), and whether its worker is
-- leaving ('1': should it vanish before it gave the job back, that is no fault of the job's). go_on | stop | lost
local id, nonce, ttl, progress, draining = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local now = logical_ms()
if not holds(id, nonce) then return 'lost' end
redis.call('ZADD', 'ps:leases', 'XX', now + ttl, id)
if draining == '1' then redis.call('HSET', key(id), 'draining', '1') end
if progress ~= '' then
  redis.call('HSET', key(id), 'progress', progress)
  set_state(id, 'RUNNING')
  tell(id)
end
if redis.call('HGET', key(id), 'cancel') == '1' then return 'stop' end
return 'go_on'
