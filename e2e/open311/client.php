<?php
// The road of a foreign client in PHP: discover, list, submit, read back, update.
// Arguments: discovery address, key, photo.
[, $discovery, $key, $photo] = $argv;

function fail(string $why): never
{
    fwrite(STDERR, $why . "\n");
    exit(1);
}

function call(string $url, int $want, ?array $form = null): string
{
    $c = curl_init($url);
    curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 30, CURLOPT_ENCODING => '']);
    if ($form !== null) {
        curl_setopt($c, CURLOPT_POSTFIELDS, $form); // an array goes as multipart/form-data
    }
    $body = curl_exec($c);
    $code = curl_getinfo($c, CURLINFO_RESPONSE_CODE);
    if ($body === false || $code !== $want) {
        fail("$url: $code " . curl_error($c) . ' ' . $body);
    }
    return $body;
}

function xml(string $body): SimpleXMLElement
{
    $x = simplexml_load_string($body, SimpleXMLElement::class, LIBXML_NONET);
    return $x ?: fail("no XML: $body");
}

$base = (string) xml(call($discovery, 200))->endpoints->endpoint[0]->url;
$codes = [];
foreach (xml(call($base . 'services.xml', 200))->service as $s) {
    $codes[(string) $s->service_code] = (string) $s->type;
}
($codes['pothole'] ?? '') === 'realtime' && $codes['no-answer'] === 'batch' && !isset($codes['bribe']) || fail(print_r($codes, true));

$words = "PHP: Яма на дороге, выдумано <&> 'ғқң'";
$form = ['api_key' => $key, 'service_code' => 'manhole', 'lat' => '45.0531', 'long' => '65.1531', 'description' => $words, 'attribute[cover]' => 'broken'];
$id = (string) xml(call($base . 'requests.xml', 200, $form))->request->service_request_id;
$one = xml(call($base . "requests/$id.xml", 200))->request;
(string) $one->description === $words && (float) (string) $one->long === 65.1531 || fail($one->asXML());
$listed = json_decode(call($base . "requests.json?service_request_id=$id", 200), true, 512, JSON_THROW_ON_ERROR);
count($listed) === 1 && $listed[0]['service_request_id'] === $id || fail(print_r($listed, true));

// A photo as curl sends a file.
$with = ['media' => new CURLFile($photo, 'image/jpeg', 'photo.jpg')] + ['description' => 'PHP: со снимком, выдумано'] + $form; // before the key
$shown = (string) xml(call($base . 'requests/' . xml(call($base . 'requests.xml', 200, $with))->request->service_request_id . '.xml', 200))->request->media_url;
substr(call($shown, 200), 0, 2) === "\xff\xd8" || fail("no picture: $shown");

// What is looked at first has a token and nothing to read yet.
$held = xml(call($base . 'requests.xml', 200, ['api_key' => $key, 'service_code' => 'no-answer', 'address_id' => 'bazaar', 'description' => 'PHP: выдумано']))->request;
$token = (string) $held->token;
$token !== '' && !isset($held->service_request_id) || fail($held->asXML());
(string) xml(call($base . "tokens/$token.xml", 200))->request->service_request_id === '' || fail('the held one has an id');

$update = ['api_key' => $key, 'service_request_id' => $id, 'update_id' => 'php-1', 'status' => 'PLANNED', 'updated_datetime' => gmdate('Y-m-d\TH:i:s\Z'), 'description' => 'Скоро'];
call($base . 'servicerequestupdates.xml', 400, $update); // a plan needs its day
$update['expected_datetime'] = gmdate('Y-m-d\T00:00:00\Z', time() + 7 * 86400);
call($base . 'servicerequestupdates.xml', 200, $update);
$one = xml(call($base . "requests/$id.xml", 200))->request;
(string) $one->expected_datetime === $update['expected_datetime'] || fail($one->asXML());
$found = false;
foreach (xml(call($base . 'servicerequestupdates.xml', 200))->request_update as $u) {
    $found = $found || (string) $u->service_request_id === $id && (string) $u->status === 'planned';
}
$found || fail('no update');
(string) xml(call($base . 'tokens/none.xml', 404))->error->code === '404' || fail('no error');
call($base . 'requests.xml', 403, ['api_key' => 'wrong'] + $form);
echo "php $id done\n";
