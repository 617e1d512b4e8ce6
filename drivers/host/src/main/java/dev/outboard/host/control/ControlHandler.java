package dev.outboard.host.control;

import dev.outboard.host.event.Event;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One connection: one request, one answer, the end. The event loop's thread, which never waits: a
 * worker finds the answer. Who has not asked, or not read the answer, after a time is hung up on.
 */
final class ControlHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final String JSON = "application/json";
    private static final String CAPTURE = "/capture";

    private final Subject subject;
    private final Workers workers;
    private final boolean mayChange;
    private final AtomicInteger connections;
    private final long patienceMillis;
    private boolean counted;
    private boolean asked;

    ControlHandler(
            Subject subject,
            Workers workers,
            boolean mayChange,
            AtomicInteger connections,
            long patienceMillis) {
        this.subject = subject;
        this.workers = workers;
        this.mayChange = mayChange;
        this.connections = connections;
        this.patienceMillis = patienceMillis;
    }

    /** What is sent back. */
    private record Answer(HttpResponseStatus status, String type, String text) {
        static Answer of(Event event) {
            return new Answer(HttpResponseStatus.OK, JSON, event.toJson() + "\n");
        }

        static Answer refused(HttpResponseStatus status, String line) {
            return new Answer(status, JSON, Event.of("error", "message", line).toJson() + "\n");
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        counted = true;
        if (connections.incrementAndGet() > ControlServer.MOST_CONNECTIONS) {
            asked = true;
            context.channel().config().setAutoRead(false);
            send(
                    context,
                    Answer.refused(
                            HttpResponseStatus.SERVICE_UNAVAILABLE,
                            "more than %d ask at once: ask again"
                                    .formatted(ControlServer.MOST_CONNECTIONS)));
            return;
        }
        context.executor()
                .schedule(
                        () -> {
                            if (!asked) {
                                context.close();
                            }
                        },
                        patienceMillis,
                        TimeUnit.MILLISECONDS);
        context.fireChannelActive();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (counted) {
            counted = false;
            connections.decrementAndGet();
        }
        context.fireChannelInactive();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (asked) {
            // One request a connection: what was sent after it is not looked at.
            return;
        }
        asked = true;
        if (!request.decoderResult().isSuccess()) {
            send(context, unreadable());
            return;
        }
        if (request.uri().startsWith(CAPTURE)) {
            capture(context, request);
            return;
        }
        var path = request.uri();
        var method = request.method();
        var body = request.content().toString(StandardCharsets.UTF_8);
        var changes = path.equals("/memory");
        try {
            workers.run(changes, () -> reply(context, answer(method, path, body)));
        } catch (RejectedExecutionException busy) {
            send(
                    context,
                    Answer.refused(
                            HttpResponseStatus.SERVICE_UNAVAILABLE,
                            "too many ask at once, or this process ends: ask again"));
        }
    }

    /** Begins an answer that lasts as long as the one who asked listens. */
    private void capture(ChannelHandlerContext context, FullHttpRequest request) {
        try {
            if (!mayChange) {
                send(
                        context,
                        Answer.refused(
                                HttpResponseStatus.FORBIDDEN,
                                "over TCP this process may be looked at only: use its control"
                                        + " socket"));
                return;
            }
            int snapBytes = CaptureStream.snapBytes(request.uri());
            new CaptureStream(context.channel(), subject.capture(snapBytes)).start();
        } catch (IllegalArgumentException wrong) {
            send(context, Answer.refused(HttpResponseStatus.BAD_REQUEST, line(wrong)));
        } catch (RuntimeException refused) {
            send(context, Answer.refused(HttpResponseStatus.CONFLICT, line(refused)));
        }
    }

    /** A worker: has the connection's thread send it. */
    private void reply(ChannelHandlerContext context, Answer answer) {
        try {
            context.executor().execute(() -> send(context, answer));
        } catch (RejectedExecutionException closed) {
            // The server was closed meanwhile, and every connection with it.
        }
    }

    private static Answer unreadable() {
        return Answer.refused(
                HttpResponseStatus.BAD_REQUEST, "this is no HTTP request, or one that is too long");
    }

    /** A worker: looks, or does it. */
    private Answer answer(HttpMethod method, String path, String body) {
        try {
            return switch (path) {
                case "/status" -> look(method, () -> Answer.of(subject.status()));
                case "/metrics" ->
                        look(
                                method,
                                () ->
                                        new Answer(
                                                HttpResponseStatus.OK,
                                                Metrics.CONTENT_TYPE,
                                                Metrics.write(subject.status())));
                case "/memory" -> change(method, body);
                default ->
                        Answer.refused(
                                HttpResponseStatus.NOT_FOUND,
                                "there is nothing here by this name: ask for /status, /metrics,"
                                        + " /memory or /capture");
            };
        } catch (IllegalArgumentException wrong) {
            return Answer.refused(HttpResponseStatus.BAD_REQUEST, line(wrong));
        } catch (RuntimeException refused) {
            return Answer.refused(HttpResponseStatus.CONFLICT, line(refused));
        }
    }

    private interface Look {
        Answer get();
    }

    private static Answer look(HttpMethod method, Look look) {
        return method.equals(HttpMethod.GET)
                ? look.get()
                : Answer.refused(HttpResponseStatus.METHOD_NOT_ALLOWED, "this is to be got: GET");
    }

    private Answer change(HttpMethod method, String body) {
        if (!mayChange) {
            return Answer.refused(
                    HttpResponseStatus.FORBIDDEN,
                    "over TCP this process may be looked at only: use its control socket");
        }
        if (!method.equals(HttpMethod.POST)) {
            return Answer.refused(
                    HttpResponseStatus.METHOD_NOT_ALLOWED, "this is to be posted: POST");
        }
        Event order;
        try {
            order = Event.parse(body.strip());
        } catch (IllegalArgumentException | StackOverflowError e) {
            order = null;
        }
        if (order == null) {
            throw new IllegalArgumentException(
                    "the body is no order: write {\"event\":\"plug\",\"lengthBytes\":…} or"
                            + " {\"event\":\"unplug\",\"address\":…,\"lengthBytes\":…}");
        }
        return Answer.of(subject.change(order));
    }

    private static String line(RuntimeException failure) {
        var message = failure.getMessage();
        return message == null || message.isBlank()
                ? failure.getClass().getSimpleName()
                : message.strip().lines().findFirst().orElse("");
    }

    private void send(ChannelHandlerContext context, Answer answer) {
        var content = Unpooled.copiedBuffer(answer.text, StandardCharsets.UTF_8);
        var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, answer.status, content);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, answer.type)
                .set(HttpHeaderNames.CONTENT_LENGTH, content.readableBytes())
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        context.executor().schedule(() -> context.close(), patienceMillis, TimeUnit.MILLISECONDS);
        context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    /** A connection that breaks is its own end, and nobody else's. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
        if (asked) {
            context.close();
        } else {
            asked = true;
            send(context, unreadable());
        }
    }
}
