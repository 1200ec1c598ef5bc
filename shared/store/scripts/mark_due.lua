-- mark_due.lua: put a waiting run into the due set of its queue, or take it out, if its record did not change since it was read.
--
-- KEYS  1 runs (hash)    2 due of the queue (zset)
-- ARGV  1 run number     2 run id     3 version that was read     4 'in' | 'out'
-- Returns 'OK' | 'STALE': the run has moved, and that commit has updated the due set.

local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text or cjson.decode(text).version ~= tonumber(ARGV[3]) then return 'STALE' end
if ARGV[4] == 'in' then
  local clock = redis.call('TIME')
  redis.call('ZADD', KEYS[2], 'NX', clock[1] * 1000 + math.floor(clock[2] / 1000), ARGV[2])
else
  redis.call('ZREM', KEYS[2], ARGV[2])
end
return 'OK'
