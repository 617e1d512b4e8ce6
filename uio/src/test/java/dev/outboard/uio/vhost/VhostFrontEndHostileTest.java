package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A back-end that answers whatever it likes; its answer is there before the question. */
@Timeout(30)
final class VhostFrontEndHostileTest {
    private static final long ANSWER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private int openBefore;
    private Wire wire;
    private VhostFrontEnd frontEnd;

    @BeforeEach
    void connect() {
        openBefore = Descriptor.openCount();
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        wire = new Wire(pair[0]);
        frontEnd = VhostFrontEnd.of(pair[1], "hostile", ANSWER_NANOS);
    }

    @AfterEach
    void closeAndCount() {
        frontEnd.close();
        wire.close();
        assertThat(Descriptor.openCount()).as("no descriptor leaks").isEqualTo(openBefore);
    }

    private void assertBroken(byte[] answer, Descriptor... passed) {
        wire.send(answer, passed);
        assertThatThrownBy(frontEnd::features)
                .isInstanceOf(VhostProtocolException.class)
                .hasMessageContaining("the back-end at hostile answered GET_FEATURES with");
        assertThat(frontEnd.isPeerGone()).isTrue();
        assertThat(frontEnd.descriptor().isClosed()).isTrue();
    }

    @Test
    void shouldTakeAGoodAnswer() {
        wire.send(Wire.message(1, 5, Wire.longs(42)));
        assertThat(frontEnd.features()).isEqualTo(42);
    }

    @Test
    void shouldRefuseTheAnswerToAnotherRequest() {
        assertBroken(Wire.message(2, 5, Wire.longs(42)));
    }

    @Test
    void shouldRefuseAnAnswerThatIsNone() {
        assertBroken(Wire.message(1, 1, Wire.longs(42)));
    }

    @Test
    void shouldRefuseAnotherVersion() {
        assertBroken(Wire.message(1, 6, Wire.longs(42)));
    }

    @Test
    void shouldRefuseAnAnswerOfTheWrongSize() {
        assertBroken(Wire.message(1, 5, Wire.longs(42, 43)));
    }

    @Test
    void shouldRefuseAnEmptyAnswer() {
        assertBroken(Wire.message(1, 5));
    }

    @Test
    void shouldRefuseAnAnswerThatClaimsToBeHuge() {
        assertBroken(Wire.ints(1, 5, Integer.MAX_VALUE));
    }

    @Test
    void shouldCloseDescriptorsThatComeWithAnAnswer() {
        assertBroken(Wire.message(1, 5, Wire.longs(42)), Wire.events(5));
    }

    @Test
    void shouldGiveUpOnABackEndThatSaysNothing() {
        long start = System.nanoTime();
        assertThatThrownBy(frontEnd::features)
                .isInstanceOf(PeerTimeoutException.class)
                .hasMessage("the back-end at hostile did not answer GET_FEATURES within 50 ms");
        assertThat(System.nanoTime() - start).isBetween(ANSWER_NANOS, 100 * ANSWER_NANOS);
        assertThat(frontEnd.isPeerGone()).isTrue();
    }

    @Test
    void shouldGiveUpOnHalfAnAnswer() {
        wire.send(Arrays.copyOf(Wire.message(1, 5, Wire.longs(42)), 17), Wire.events(1));
        assertThatThrownBy(frontEnd::features).isInstanceOf(PeerTimeoutException.class);
    }

    @Test
    void shouldNotWaitLongerForABackEndThatDribbles() throws InterruptedException {
        byte[] answer = Wire.message(1, 5, Wire.longs(42));
        Thread dribble =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        for (byte one : answer) {
                                            wire.send(new byte[] {one});
                                            TimeUnit.MILLISECONDS.sleep(20);
                                        }
                                    } catch (PeerGoneException | InterruptedException end) {
                                        // The front-end has given up, as it should.
                                    }
                                });
        long start = System.nanoTime();
        assertThatThrownBy(frontEnd::features).isInstanceOf(PeerTimeoutException.class);
        assertThat(System.nanoTime() - start).isLessThan(6 * ANSWER_NANOS);
        dribble.join();
    }

    @Test
    void shouldGiveUpOnABackEndThatReadsNothing() {
        assertThatThrownBy(
                        () -> {
                            for (int i = 0; i < 1_000_000; i++) {
                                frontEnd.setOwner();
                            }
                        })
                .isInstanceOf(PeerTimeoutException.class)
                .hasMessageContaining("reads no requests");
    }

    @Test
    void shouldSeeThatTheBackEndClosedInsteadOfAnswering() {
        wire.send(Arrays.copyOf(Wire.message(1, 5, Wire.longs(42)), 17));
        wire.close();
        assertThatThrownBy(frontEnd::features).isInstanceOf(PeerGoneException.class);
    }

    @Test
    void shouldRefuseAnotherQueueThanItStopped() {
        wire.send(Wire.message(11, 5, Wire.ints(2, 0)));
        assertThatThrownBy(() -> frontEnd.stopVring(1))
                .isInstanceOf(VhostProtocolException.class)
                .hasMessageContaining("stopped queue 2, not 1");
    }

    @Test
    void shouldRefuseAnImpossibleNumberOfQueues() {
        frontEnd.setProtocolFeatures(VhostFeatures.PROTOCOL_MQ);
        wire.send(Wire.message(17, 5, Wire.longs(-1)));
        assertThatThrownBy(frontEnd::queueCount).isInstanceOf(VhostProtocolException.class);
    }
}
