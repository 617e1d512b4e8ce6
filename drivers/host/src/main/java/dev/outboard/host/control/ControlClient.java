package dev.outboard.host.control;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks running processes by their control sockets. Any thread; one thread of its own, however many
 * are asked. What answers is not trusted: answers are bounded in length and in time.
 */
public final class ControlClient implements AutoCloseable {
    private static final int MOST_ANSWER_BYTES = 4 << 20;
    private static final long CLOSE_MILLIS = 1000;

    private final EventLoopGroup loop =
            new MultiThreadIoEventLoopGroup(
                    1,
                    Thread.ofPlatform().daemon().name("control-client").factory(),
                    NioIoHandler.newFactory());

    /** Asks nobody yet. */
    public ControlClient() {}

    /** What came back. */
    private record Answer(HttpResponseStatus status, String text) {}

    /**
     * What a process shows of itself.
     *
     * @throws CommandException if nobody answers in time, or the answer makes no sense
     */
    public Event status(Path socket, long timeoutNanos) {
        return event(socket, ask(socket, HttpMethod.GET, "/status", "", timeoutNanos));
    }

    /** The metrics of a process, as Prometheus reads them; throws as {@link #status}. */
    public String metrics(Path socket, long timeoutNanos) {
        var answer = ask(socket, HttpMethod.GET, "/metrics", "", timeoutNanos);
        if (!answer.status.equals(HttpResponseStatus.OK)) {
            event(socket, answer);
        }
        return answer.text;
    }

    /**
     * Has a process change its memory.
     *
     * @return what came of it
     * @throws CommandException as {@link #status}; and if it refuses, with its one line
     */
    public Event change(Path socket, Event order, long timeoutNanos) {
        return event(socket, ask(socket, HttpMethod.POST, "/memory", order.toJson(), timeoutNanos));
    }

    private static Event event(Path socket, Answer answer) {
        var event = Event.parse(answer.text.strip());
        if (event == null) {
            throw new CommandException(
                    "unix:" + socket + " answers " + answer.status + " and nothing that is known");
        }
        if (!answer.status.equals(HttpResponseStatus.OK)) {
            throw new CommandException(
                    event.has("message") ? event.text("message") : answer.status.toString());
        }
        return event;
    }

    private Answer ask(
            Path socket, HttpMethod method, String path, String body, long timeoutNanos) {
        var answered = new CompletableFuture<Answer>();
        var connected =
                new Bootstrap()
                        .group(loop)
                        .channel(NioDomainSocketChannel.class)
                        .option(ChannelOption.ALLOCATOR, new UnpooledByteBufAllocator(false))
                        .handler(pipeline(answered))
                        .connect(UnixDomainSocketAddress.of(socket));
        connected.addListener(
                done -> {
                    if (done.isSuccess()) {
                        connected.channel().writeAndFlush(request(method, path, body));
                    } else {
                        answered.completeExceptionally(done.cause());
                    }
                });
        try {
            return answered.get(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw new CommandException(
                    "nobody answers at unix:" + socket + ": " + e.getCause().getMessage(), e);
        } catch (TimeoutException e) {
            throw new CommandException(
                    "no answer at unix:%s in %d ms"
                            .formatted(socket, TimeUnit.NANOSECONDS.toMillis(timeoutNanos)),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted while asking unix:" + socket, e);
        } finally {
            connected.channel().close();
        }
    }

    private static DefaultFullHttpRequest request(HttpMethod method, String path, String body) {
        var content = Unpooled.copiedBuffer(body, StandardCharsets.UTF_8);
        var request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, method, path, content);
        request.headers()
                .set(HttpHeaderNames.HOST, "outboard")
                .set(HttpHeaderNames.CONTENT_LENGTH, content.readableBytes());
        return request;
    }

    private static ChannelInitializer<Channel> pipeline(CompletableFuture<Answer> answered) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(new HttpClientCodec())
                        .addLast(new HttpObjectAggregator(MOST_ANSWER_BYTES))
                        .addLast(new Taker(answered));
            }
        };
    }

    /** Takes the one answer of a connection. */
    private static final class Taker extends SimpleChannelInboundHandler<FullHttpResponse> {
        private final CompletableFuture<Answer> answered;

        Taker(CompletableFuture<Answer> answered) {
            this.answered = answered;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
            if (response.decoderResult().isSuccess()) {
                answered.complete(
                        new Answer(
                                response.status(),
                                response.content().toString(StandardCharsets.UTF_8)));
            }
            context.close();
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            answered.completeExceptionally(new IllegalStateException("it hung up"));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
            answered.completeExceptionally(failure);
            context.close();
        }
    }

    @Override
    public void close() {
        loop.shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS);
    }
}
