"""What `pixyz-scheduler doctor` looks at: each check reads facts, and a pure function says what they mean."""
