"""Home Assistant's HomeKit controller: does what controller.mjs does, by the same commands."""

import asyncio
import hashlib
import json
import sys
from types import SimpleNamespace

from aiohomekit.characteristic_cache import CharacteristicCacheMemory
from aiohomekit.controller.ip.controller import IpController
from aiohomekit.controller.ip.discovery import IpDiscovery
from aiohomekit.model import Categories
from aiohomekit.model.feature_flags import FeatureFlags
from aiohomekit.model.status_flags import StatusFlags
from aiohomekit.zeroconf import HAP_TYPE_TCP, HomeKitService, ZeroconfServiceListener
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

pairings = {}
controller = None


def say(line):
    print(json.dumps(line), flush=True)


def ids(texts):
    return [tuple(int(n) for n in text.split(".")) for text in texts]


def found(cmd):
    """An accessory that was found, without the search."""
    return IpDiscovery(controller, HomeKitService(
        name="x", id=cmd["id"].lower(), model="", feature_flags=FeatureFlags(0), status_flags=StatusFlags(1),
        config_num=1, state_num=1, category=Categories(1), protocol_version="1.1", type=HAP_TYPE_TCP,
        address=cmd["address"], addresses=[cmd["address"]], port=cmd["port"]))


def opened(cmd, pairing):
    def hear(event):
        for (aid, iid), c in event.items():
            if "value" in c:
                say({"as": cmd["as"], "event": {"characteristics": [{"aid": aid, "iid": iid, "value": c["value"]}]}})

    pairing.dispatcher_connect(hear)
    pairings[cmd["as"]] = pairing


async def identify(cmd):
    d = found(cmd)
    await d.async_identify()
    await d.close()


async def pair(cmd):
    d = found(cmd)
    try:
        finish = await d.async_start_pairing(cmd["as"])
        opened(cmd, await finish(cmd["code"]))
    finally:
        await d.close()
    return pairings[cmd["as"]].pairing_data


async def again(cmd):
    keys = dict(cmd["pairing"], AccessoryIP=cmd["address"], AccessoryIPs=[cmd["address"]], AccessoryPort=cmd["port"])
    opened(cmd, controller.load_pairing(cmd["as"], keys))


async def accessories(cmd):
    return {"accessories": await pairings[cmd["as"]].list_accessories_and_characteristics()}


async def read(cmd):
    got = await pairings[cmd["as"]].get_characteristics(ids(cmd["ids"]))
    return {"characteristics": [{"aid": aid, "iid": iid} | c for (aid, iid), c in got.items()]}


async def write(cmd):
    values = [(*ids([k])[0], v) for k, v in cmd["values"].items()]
    got = await pairings[cmd["as"]].put_characteristics(values)
    return {"characteristics": [{"status": c["status"]} for c in got.values()]}


async def timed(cmd):
    """A timed write, on the library's own connection: it has none of its own over IP."""
    pairing = pairings[cmd["as"]]
    await pairing.list_accessories_and_characteristics()
    if cmd["prepare"]:
        await pairing.connection.put_json("/prepare", {"ttl": cmd["ttl"], "pid": cmd["pid"]})
    await asyncio.sleep(cmd.get("pause", 0) / 1000)
    items = [dict(zip(("aid", "iid"), ids([k])[0])) | {"value": v} for k, v in cmd["values"].items()]
    got = await pairing.connection.put_json("/characteristics", {"characteristics": items, "pid": cmd["pid"]})
    return {"characteristics": [{"status": c["status"]} for c in got["characteristics"]] if got else []}


async def subscribe(cmd):
    await pairings[cmd["as"]].subscribe(set(ids(cmd["ids"])))


async def image(cmd):
    picture = await pairings[cmd["as"]].image(1, cmd["width"], cmd["height"])
    if picture is None:
        raise ValueError("no picture")
    return {"bytes": len(picture), "start": picture[:3].hex(), "sha256": hashlib.sha256(picture).hexdigest()}


async def verify(cmd):
    for n in range(cmd["times"]):
        name = f"verify {n}"
        await again(cmd | {"as": name})
        await pairings[name].get_characteristics(ids(cmd["ids"]))
        await pairings.pop(name).close()
    return {"answered": cmd["times"]}


async def list_pairings(cmd):
    got = await pairings[cmd["as"]].list_pairings()
    return {p["pairingId"]: p["controllerType"] for p in got}


async def unpair(cmd):
    pairing = pairings[cmd["as"]]
    await pairing.remove_pairing(pairing.pairing_data["iOSPairingId"])


async def discover(cmd):
    zc = AsyncZeroconf(interfaces=[cmd["address"]])
    browser = AsyncServiceBrowser(zc.zeroconf, [HAP_TYPE_TCP], listener=ZeroconfServiceListener())
    finder = IpController(char_cache=CharacteristicCacheMemory(), zeroconf_instance=zc)
    try:
        async with finder:
            d = (await finder.async_find(cmd["id"].lower(), cmd["within"] / 1000)).description
    finally:
        await browser.async_cancel()
        await zc.async_close()
    return {"name": d.name, "address": d.address, "port": d.port, "id": d.id.upper(), "ci": int(d.category),
            "availableToPair": bool(d.status_flags & StatusFlags.UNPAIRED)}


actions = {f.__name__: f for f in (
    identify, pair, again, accessories, read, write, timed, subscribe, image, verify, unpair, discover)}
actions["pairings"] = list_pairings


async def main():
    global controller
    controller = IpController(char_cache=CharacteristicCacheMemory(), zeroconf_instance=SimpleNamespace(zeroconf=None))
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while text := await lines.readline():
        cmd = json.loads(text)
        try:
            say({"done": cmd["do"], "result": await actions[cmd["do"]](cmd)})
        except Exception as err:  # whatever a library raises is an answer
            say({"done": cmd["do"], "error": f"{type(err).__name__}: {err}"})
    for pairing in pairings.values():
        await pairing.shutdown()


asyncio.run(main())
