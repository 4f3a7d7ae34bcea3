use super::*;

#[tokio::test]
async fn refused_attributes_have_the_codes_the_sdk_knows() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let other = client
        .create_queue()
        .queue_name("exports")
        .attributes(QueueAttributeName::DelaySeconds, "9");
    assert!(
        other
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
    let set = |name: QueueAttributeName, value: &str| {
        client
            .set_queue_attributes()
            .queue_url(&url)
            .attributes(name, value)
            .send()
    };
    let error = set(QueueAttributeName::DelaySeconds, "901")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_invalid_attribute_value(), "{error:?}");
    let error = set(QueueAttributeName::from("Colour"), "1")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_invalid_attribute_name(), "{error:?}");
    let error = set(QueueAttributeName::Policy, "{}")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_unsupported_operation(), "{error:?}");
}

#[tokio::test]
async fn refused_messages_have_the_codes_the_sdk_knows() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let send = |body: &str| {
        client
            .send_message()
            .queue_url(&url)
            .message_body(body)
            .send()
    };
    assert_eq!(code(send("").await), "MissingParameter");
    let error = send("a\u{0}").await.unwrap_err().into_service_error();
    assert!(error.is_invalid_message_contents(), "{error:?}");
    send(&"\u{7F}".repeat(1_048_576)).await.unwrap();
    assert_eq!(
        code(send(&"x".repeat(1_048_577)).await),
        "InvalidParameterValue"
    );

    let nowhere = client
        .send_message()
        .queue_url(url.replace("exports", "none"))
        .message_body("b");
    assert!(
        nowhere
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_does_not_exist()
    );
    let odd = client.send_message().queue_url("exports").message_body("b");
    assert!(
        odd.send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_address()
    );

    assert_eq!(
        code(
            client
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(11)
                .send()
                .await
        ),
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn refused_receipts_have_the_codes_the_sdk_knows() {
    let server = start().await;
    let client = server.client();
    let url = create(&client, "exports").await;
    let send = client.send_message().queue_url(&url).message_body("a");
    send.send().await.unwrap();
    let handle = receive_all(&client, &url)
        .await
        .messages
        .unwrap()
        .remove(0)
        .receipt_handle
        .unwrap();
    let change = |handle: &str, seconds| {
        client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
    };
    let garbage = change("garbage", 1).await.unwrap_err().into_service_error();
    assert!(garbage.is_receipt_handle_is_invalid(), "{garbage:?}");
    assert_eq!(code(change(&handle, 43_201).await), "InvalidParameterValue");
    change(&handle, 0).await.unwrap();
    let visible = change(&handle, 10).await.unwrap_err().into_service_error();
    assert!(visible.is_message_not_inflight(), "{visible:?}");
    let delete = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("garbage");
    assert!(
        delete
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_receipt_handle_is_invalid()
    );
    let tags = client
        .list_queue_tags()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(tags.is_unsupported_operation(), "{tags:?}");
}

#[tokio::test]
async fn only_our_key_is_served() {
    let server = start().await;
    let stranger = server.client_with("somebody-else");
    assert_eq!(
        code(stranger.list_queues().send().await),
        "InvalidClientTokenId"
    );
    let unsigned = reqwest::Client::new();
    let answer = unsigned
        .post(&server.address)
        .header("x-amz-target", "AmazonSQS.ListQueues")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()["x-amzn-query-error"],
        "MissingAuthenticationToken;Sender"
    );
}

#[tokio::test]
async fn protocol_errors_are_said_in_the_protocol() {
    let server = start().await;
    let url = create(&server.client(), "exports").await;
    let post = |target: &'static str, body: String| {
        reqwest::Client::new()
            .post(&server.address)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={KEY}/20270115/us-east-1/sqs/aws4_request, Signature=0"))
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body)
            .send()
    };
    let good = post(
        "AmazonSQS.SendMessage",
        format!(r#"{{"QueueUrl":"{url}","MessageBody":"a"}}"#),
    )
    .await
    .unwrap();
    assert_eq!(good.status(), 200);
    assert_eq!(good.headers()["content-type"], "application/x-amz-json-1.0");
    assert!(good.headers().contains_key("x-amzn-requestid"));
    for (target, body, shape) in [
        (
            "AmazonSQS.SendMessage",
            "{".to_owned(),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.SendMessage",
            "[]".to_owned(),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.SendMessage",
            r#"{"MessageBody":"a"}"#.to_owned(),
            "com.amazon.coral.service#MissingRequiredParameterException",
        ),
        (
            "AmazonSQS.ReceiveMessage",
            format!(r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":"x"}}"#),
            "com.amazon.coral.service#SerializationException",
        ),
        (
            "AmazonSQS.PurgeQueue",
            r#"{"QueueUrl":"http://h/000000000000/none"}"#.to_owned(),
            "com.amazonaws.sqs#QueueDoesNotExist",
        ),
        (
            "AmazonSQS.Dance",
            "{}".to_owned(),
            "com.amazon.coral.service#UnknownOperationException",
        ),
        (
            "Action=ListQueues",
            String::new(),
            "com.amazon.coral.service#UnknownOperationException",
        ),
    ] {
        let answer = post(target, body.clone()).await.unwrap();
        assert!(answer.status().is_client_error(), "{target} {body}");
        assert!(
            answer.headers()["x-amzn-query-error"]
                .to_str()
                .unwrap()
                .ends_with(";Sender")
        );
        let error: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(error["__type"], shape, "{target} {body}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
}
