# The road of a foreign client in Ruby: discover, list, submit, read back, update.
# Arguments: discovery address, key, photo.
require 'net/http'
require 'rexml/document'
require 'json'
require 'time'

discovery, key, photo = ARGV

def want(answer, code)
  raise "#{answer.code} #{answer.body}" unless answer.code.to_i == code
  answer
end

def xml(answer, code = 200)
  want(answer, code)
  raise answer['Content-Type'] unless answer['Content-Type'] == 'text/xml; charset=utf-8'
  REXML::Document.new(answer.body.force_encoding('UTF-8')).root
end

def get(url, params = {})
  uri = URI(url)
  uri.query = URI.encode_www_form(params) unless params.empty?
  Net::HTTP.get_response(uri)
end

base = xml(get(discovery)).elements['endpoints/endpoint/url'].text
service = xml(get("#{base}services.xml")).get_elements('service').find { |s| s.elements['service_code'].text == 'water' }
raise 'metadata' unless service.elements['metadata'].text == 'true'
question = xml(get("#{base}services/water.xml")).elements['attributes/attribute']
raise question.to_s unless question.elements['datatype'].text == 'datetime'

words = "Ruby: су жоқ, ойдан шығарылған \"<&>\""
form = {
  'api_key' => key, 'service_code' => 'water', 'address_id' => 'south', 'address_string' => 'Выдуманная, 5', 'description' => words,
  "attribute[#{question.elements['code'].text}]" => '2026-11-20T08:00:00+05:00'
}
id = xml(Net::HTTP.post_form(URI("#{base}requests.xml"), form)).elements['request/service_request_id'].text
one = JSON.parse(want(get("#{base}requests/#{id}.json"), 200).body)
raise one.to_s unless one.is_a?(Array) && one.length == 1 && one[0]['description'] == words && one[0]['address'].start_with?('Выдуманная, 5')
Time.iso8601(one[0]['requested_datetime'])
listed = xml(get("#{base}requests.xml", 'service_code' => 'water', 'status' => 'open'))
raise 'not listed' unless listed.get_elements('request/service_request_id').map(&:text).include?(id)

update = { 'api_key' => key, 'service_request_id' => id, 'update_id' => 'ruby-1', 'status' => 'FIXED', 'updated_datetime' => Time.now.utc.iso8601, 'description' => 'Вода есть' }
first = xml(Net::HTTP.post_form(URI("#{base}servicerequestupdates.xml"), update)).elements['request_update/update_id'].text
again = xml(Net::HTTP.post_form(URI("#{base}servicerequestupdates.xml"), update)).elements['request_update/update_id'].text
raise 'the same update made two' unless first == again
raise 'not closed' unless JSON.parse(get("#{base}requests/#{id}.json").body)[0]['status'] == 'closed'
statuses = xml(get("#{base}servicerequestupdates.xml")).get_elements('request_update').select { |u| u.elements['service_request_id'].text == id }.map { |u| u.elements['status'].text }
raise statuses.to_s unless statuses.last == 'fixed'

# A photo in a form in parts.
uri = URI("#{base}requests.xml")
post = Net::HTTP::Post.new(uri)
post.set_form(form.to_a + [['media', File.open(photo, 'rb'), { filename: 'photo.jpg', content_type: 'image/jpeg' }]], 'multipart/form-data')
taken = xml(Net::HTTP.start(uri.host, uri.port, read_timeout: 60) { |http| http.request(post) }).elements['request/service_request_id'].text
shown = JSON.parse(get("#{base}requests/#{taken}.json").body)[0]['media_url']
raise shown.to_s unless want(get(shown), 200)['Content-Type'] == 'image/jpeg'

raise 'error' unless xml(get("#{base}services/none.xml"), 404).elements['error/code'].text == '404'
want(Net::HTTP.post_form(URI("#{base}requests.json"), form.merge('api_key' => 'wrong')), 403)
puts "ruby #{id} done"
