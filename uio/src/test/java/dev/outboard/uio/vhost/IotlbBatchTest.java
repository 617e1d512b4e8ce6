package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Batches of IOTLB messages, to a peer that answers only when the test has it answer. */
@Timeout(30)
final class IotlbBatchTest {
    private static final int MESSAGE_BYTES = 44;
    private static final int PLAIN = 1;
    private static final int ANSWER_WANTED = 9;
    private static final byte[] DONE = Wire.message(Requests.IOTLB_MSG, 5, Wire.longs(0));

    private final IotlbBatch batch = new IotlbBatch();
    private int openBefore;
    private Wire wire;
    private VhostFrontEnd frontEnd;

    @BeforeEach
    void negotiate() {
        openBefore = Descriptor.openCount();
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        wire = new Wire(pair[0]);
        frontEnd = VhostFrontEnd.of(pair[1], "device", TimeUnit.SECONDS.toNanos(1));
        frontEnd.setProtocolFeatures(VhostFeatures.PROTOCOL_REPLY_ACK);
        wire.send(Wire.message(Requests.SET_FEATURES, 5, Wire.longs(0)));
        frontEnd.setFeatures(VhostFeatures.ACCESS_PLATFORM);
        wire.received();
    }

    @AfterEach
    void closeAndCount() {
        frontEnd.close();
        wire.close();
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    private static byte[] update(int flags, long iova, long length, long user, int access) {
        return Wire.message(
                Requests.IOTLB_MSG, flags, Wire.longs(iova, length, user, 2L << 8 | access));
    }

    private static byte[] invalidation(int flags, long iova, long length) {
        return Wire.message(Requests.IOTLB_MSG, flags, Wire.longs(iova, length, 0, 3L << 8));
    }

    private static byte[] together(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private byte[] awaitMessages() {
        assertThat(wire.socket.awaitReadable(TimeUnit.SECONDS.toNanos(10))).isTrue();
        return wire.received();
    }

    @Test
    void shouldSendABatchAsOneAndWantOneAnswer() throws Exception {
        CompletableFuture<Void> done =
                CompletableFuture.runAsync(
                        () -> {
                            batch.invalidate(0x1000, 4096);
                            batch.invalidate(0x9000, 8192);
                            frontEnd.invalidateIotlb(batch);
                        });
        assertThat(awaitMessages())
                .isEqualTo(
                        together(
                                invalidation(PLAIN, 0x1000, 4096),
                                invalidation(ANSWER_WANTED, 0x9000, 8192)));
        assertThat(done).isNotDone();
        wire.send(DONE);
        done.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldFeedWhileAnotherThreadWaitsForItsInvalidation() throws Exception {
        CompletableFuture<Void> done =
                CompletableFuture.runAsync(
                        () -> {
                            IotlbBatch taken = new IotlbBatch();
                            taken.invalidate(0x1000, 4096);
                            frontEnd.invalidateIotlb(taken);
                        });
        awaitMessages();
        frontEnd.feedIotlb(batch, fed -> fed.update(0x5000, 4096, 0x7000, 3));
        assertThat(awaitMessages()).isEqualTo(update(PLAIN, 0x5000, 4096, 0x7000, 3));
        assertThat(done).isNotDone();
        wire.send(DONE);
        done.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldSendNoInvalidationBetweenALookUpAndItsUpdate() throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        frontEnd.feedIotlb(
                batch,
                fed -> {
                    // The look-up was done; now somebody takes it away.
                    Thread taker =
                            Thread.ofPlatform()
                                    .daemon()
                                    .start(
                                            () -> {
                                                IotlbBatch taken = new IotlbBatch();
                                                taken.invalidate(0x5000, 4096);
                                                frontEnd.invalidateIotlb(taken);
                                                done.complete(null);
                                            });
                    awaitWaiting(taker);
                    fed.update(0x5000, 4096, 0x7000, 1);
                });
        byte[] both = new byte[0];
        while (both.length < 2 * MESSAGE_BYTES) {
            both = together(both, awaitMessages());
        }
        assertThat(both)
                .isEqualTo(
                        together(
                                update(PLAIN, 0x5000, 4096, 0x7000, 1),
                                invalidation(ANSWER_WANTED, 0x5000, 4096)));
        wire.send(DONE);
        done.get(10, TimeUnit.SECONDS);
    }

    private static void awaitWaiting(Thread thread) {
        while (thread.getState() != Thread.State.WAITING) {
            assertThat(thread.isAlive()).as("it sent its message, and waits for nobody").isTrue();
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldSendNothingThatASourceDoesNotFind() {
        frontEnd.feedIotlb(batch, fed -> {});
        assertThat(wire.received()).isEmpty();
    }

    @Test
    void shouldForgetTheBatchBefore() {
        frontEnd.feedIotlb(batch, fed -> fed.update(0x5000, 4096, 0x7000, 3));
        frontEnd.feedIotlb(batch, fed -> fed.update(0x6000, 4096, 0x8000, 1));
        assertThat(awaitMessages())
                .isEqualTo(
                        together(
                                update(PLAIN, 0x5000, 4096, 0x7000, 3),
                                update(PLAIN, 0x6000, 4096, 0x8000, 1)));
    }

    @Test
    void shouldRefuseMoreThanABatchAndWhatIsNoTranslation() {
        for (int i = 0; i < IotlbBatch.MAX_MESSAGES; i++) {
            batch.invalidate(i * 4096L, 4096);
        }
        assertThat(batch.isFull()).isTrue();
        assertThatIllegalStateException().isThrownBy(() -> batch.invalidate(0, 4096));
        batch.clear();
        assertThatExceptionOfType(VhostProtocolException.class)
                .isThrownBy(() -> batch.update(0x1000, 0, 0x1000, 3));
        assertThatExceptionOfType(VhostProtocolException.class)
                .isThrownBy(() -> batch.update(0x1000, 4096, 0x1000, 0));
        assertThatExceptionOfType(VhostProtocolException.class)
                .isThrownBy(() -> batch.invalidate(-4096, 8192));
        assertThat(batch.isEmpty()).isTrue();
    }

    @Test
    void shouldTellARefusalFromSilence() {
        wire.send(Wire.message(Requests.IOTLB_MSG, 5, Wire.longs(1)));
        batch.invalidate(0, 4096);
        assertThatExceptionOfType(VhostProtocolException.class)
                .isThrownBy(() -> frontEnd.invalidateIotlb(batch))
                .withMessageContaining("refused IOTLB_MSG");
        assertThatExceptionOfType(PeerTimeoutException.class)
                .isThrownBy(() -> frontEnd.invalidateIotlb(batch))
                .withMessageContaining("did not answer IOTLB_MSG within 1000 ms");
        assertThatExceptionOfType(PeerGoneException.class)
                .as("after silence the connection is closed")
                .isThrownBy(() -> frontEnd.feedIotlb(batch, fed -> fed.invalidate(0, 4096)));
    }

    @Test
    void shouldSayThatTheBackEndIsGone() {
        wire.close();
        batch.invalidate(0, 4096);
        assertThatExceptionOfType(PeerGoneException.class)
                .isThrownBy(() -> frontEnd.invalidateIotlb(batch));
        assertThatExceptionOfType(PeerGoneException.class)
                .isThrownBy(() -> frontEnd.feedIotlb(batch, fed -> fed.invalidate(0, 4096)));
    }

    @Test
    void shouldGiveUpOnABackEndThatReadsNothing() {
        assertThatExceptionOfType(PeerTimeoutException.class)
                .isThrownBy(
                        () -> {
                            while (true) {
                                frontEnd.feedIotlb(batch, fed -> fed.update(0, 4096, 0x1000, 3));
                            }
                        })
                .withMessageContaining("reads no requests");
    }

    @Test
    void shouldWantTheFeaturesThatItNeeds() {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire other = new Wire(pair[0]);
                VhostFrontEnd plain = VhostFrontEnd.of(pair[1], "plain", 1_000_000)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> plain.feedIotlb(batch, fed -> {}))
                    .withMessageContaining("REPLY_ACK");
            plain.setProtocolFeatures(VhostFeatures.PROTOCOL_REPLY_ACK);
            assertThatIllegalStateException()
                    .isThrownBy(() -> plain.invalidateIotlb(batch))
                    .withMessageContaining("VIRTIO_F_ACCESS_PLATFORM");
            assertThat(other.received()).hasSize(20);
        }
    }
}
