"""The life of a job as the API tells it, state by state."""


def test_a_job_is_sent(api):
    answer = api.send(name="bracket", params='{"a": 1}', config='{"queue": "gpu"}')
    assert answer.status_code == 200, answer.text
    told = answer.json()
    print(told)
    assert told["status"] == "SENT"
    uuid = told["uuid"]
    for path in ("", "/details", "/outputs"):
        answer = api.http.get(f"/jobs/{uuid}{path}")
        print(answer.json())
        assert answer.status_code == 200, answer.text
    print(api.http.get("/jobs").json())
    print(api.http.get("/jobs/x").json())
    print(api.http.get("/metrics").text)
    assert api.http.get("/openapi.json").status_code == 200
