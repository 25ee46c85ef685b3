-- ardour7-lua ardour.lua FOLDER: a session of one MIDI track in FOLDER, driven by files in it.
-- It tells its ports in FOLDER/ready, rolls and records once FOLDER/go is there, and stops, saves
-- and ends once FOLDER/stop is. Ports are connected from outside: Ardour's own threads and this one
-- must not talk to JACK at the same time.
io.stdout:setvbuf("no")
local folder = arg[1]
local session_folder = folder .. "/session"

local function exists(name)
  local file = io.open(folder .. "/" .. name, "r")
  if file then file:close() end
  return file ~= nil
end

local function tell(name, text)
  local file = assert(io.open(folder .. "/" .. name .. ".new", "w"))
  file:write(text)
  file:close()
  os.rename(folder .. "/" .. name .. ".new", folder .. "/" .. name)
end

local function await(name)
  while not exists(name) do sleep(1) end -- whole seconds are all that it knows
end

assert(not AudioEngine:set_backend("JACK", "ardour-proof", ""):isnil(), "no JACK")
local session = assert(create_session(session_folder, "fours", 48000))
sleep(4) -- its thread that connects ports by itself must be through

local one_midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local made = session:new_midi_track(one_midi, one_midi, true, ARDOUR.PluginInfo(), nil, nil, 1,
  "ripieno", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
local track
for one in made:iter() do track = one end
sleep(2)
local name = track:input():midi(0):name():match("[^:]*$")
tell("ready", name)

await("go")
track:to_track():rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
session:maybe_enable_record(false)
sleep(1)
session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
sleep(1)
assert(session:transport_rolling() and session:actively_recording(), "it does not record")
tell("rolling", tostring(session:transport_sample()))

await("stop")
session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
sleep(2)
local told = ""
for _, region in ARDOUR.RegionFactory.regions():iter() do
  told = told .. region:position():samples() .. " " .. region:length():samples() .. " "
    .. region:name() .. "\n"
end
session:save_state("", false, false, false, false, false)
sleep(1)
tell("regions", told)
close_session()
quit()
