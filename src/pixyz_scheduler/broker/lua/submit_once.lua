-- submit_once(<as submit>, digest, fingerprint, answer, ttl ms): a new record and its Idempotency-Key, both or neither.
-- Answers as submit, which stands before this file as a function; or {id, fingerprint, answer} of the job that the key
-- has made already. Whether a request holds the key does not matter: who comes first makes the job.
local ttl = table.remove(ARGV)
local answer = table.remove(ARGV)
local fingerprint = table.remove(ARGV)
local k = 'ps:idem:' .. table.remove(ARGV)
local before = redis.call('HMGET', k, 'id', 'fingerprint', 'answer')
if before[1] then return before end
local made = submit()
if made >= 0 then
  redis.call('DEL', k)
  redis.call('HSET', k, 'id', ARGV[2], 'fingerprint', fingerprint, 'answer', answer)
  redis.call('PEXPIRE', k, ttl)
end
return made
