# The road of a foreign client in Python: discover, list, submit, read back, update.
# Arguments: discovery address, key, photo. Every line that it prints is a fact for the test.
import sys
import requests
from lxml import etree

discovery, key, photo = sys.argv[1:4]
parser = etree.XMLParser(resolve_entities=False, no_network=True)


def get(url, **params):
    answer = requests.get(url, params=params, timeout=30)
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8", answer.headers
    return answer.status_code, etree.fromstring(answer.content, parser)


_, found = get(discovery)
base = [e.findtext("url") for e in found.iter("endpoint") if e.findtext("specification").endswith("GeoReport_v2")][0]
_, services = get(base + "services.xml", jurisdiction_id="")
service = [s for s in services if s.findtext("service_code") == "manhole"][0]
assert service.findtext("metadata") == "true"
_, asked = get(base + "services/manhole.xml")
question = asked.find("attributes/attribute")
assert question.findtext("required") == "true"

words = "Python: ашық құдық, ойдан шығарылған <&> " + "ж" * 3900
form = {
    "api_key": key, "service_code": "manhole", "lat": "45.0512", "long": "65.1512", "description": words,
    "attribute[%s]" % question.findtext("code"): question.findtext("values/value/key"),
}
sent = requests.post(base + "requests.xml", data=form, timeout=30)
assert sent.status_code == 200, sent.text
request_id = etree.fromstring(sent.content, parser).findtext("request/service_request_id")

_, one = get(base + "requests/%s.xml" % request_id)
assert one.findtext("request/description") == words
assert float(one.findtext("request/lat")) == 45.0512
as_json = requests.get(base + "requests.json", params={"service_request_id": request_id}, timeout=30).json()
assert as_json[0]["description"] == words and as_json[0]["lat"] == 45.0512 and as_json[0]["zipcode"] is None
_, listed = get(base + "requests.xml", status="open", service_code="manhole")
assert request_id in [r.findtext("service_request_id") for r in listed]

update = requests.post(base + "servicerequestupdates.xml", timeout=30, data={
    "api_key": key, "service_request_id": request_id, "update_id": "python-1", "status": "IN_PROGRESS", "updated_datetime": "2026-11-28T12:00:00Z", "description": "Бригада едет"})
assert update.status_code == 200, update.text
_, updates = get(base + "servicerequestupdates.xml")
assert [u.findtext("status") for u in updates if u.findtext("service_request_id") == request_id][-1] == "in_progress"

# A photo as a file: it comes back as a picture of its own, without what the file told.
with open(photo, "rb") as f:
    taken = requests.post(base + "requests.xml", data=dict(form, description="Python: сурет, ойдан шығарылған"), files={"media": ("photo.jpg", f, "image/jpeg")}, timeout=60)
assert taken.status_code == 200, taken.text
_, one = get(base + "requests/%s.xml" % etree.fromstring(taken.content, parser).findtext("request/service_request_id"))
picture = requests.get(one.findtext("request/media_url"), timeout=30)
assert picture.headers["Content-Type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
with open(photo, "rb") as f:
    original = f.read()
assert b"kua-canary" in original and b"kua-canary" not in picture.content

status, refused = get(base + "requests/999999.xml")
assert status == 404 and refused.tag == "errors" and refused.findtext("error/code") == "404"
bad = requests.post(base + "requests.xml", data=dict(form, api_key="wrong"), timeout=30)
assert bad.status_code == 403, bad.text
print("python", request_id, "done")
