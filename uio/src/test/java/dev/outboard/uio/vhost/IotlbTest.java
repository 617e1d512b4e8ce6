package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.UnixSocket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Translations asked for and given: messages in both directions, and peers that abuse them. */
@Timeout(30)
final class IotlbTest {
    private static final long NEEDED =
            VhostFeatures.PROTOCOL_REPLY_ACK | VhostFeatures.PROTOCOL_BACKEND_REQ;

    private static final long REFUSED = 0xbad000;

    private final RecordingBackEnd backEnd = new RecordingBackEnd();
    private final List<String> asked = new ArrayList<>();
    private final List<Boolean> answers = new ArrayList<>();
    private int openBefore;
    private SessionThread device;
    private VhostFrontEnd frontEnd;

    private final BackEndChannel.Listener listener =
            new BackEndChannel.Listener() {
                @Override
                public boolean iotlbMissed(long iova, int access) {
                    asked.add("miss 0x%x %d".formatted(iova, access));
                    return iova != REFUSED;
                }

                @Override
                public void accessFailed(long iova, int access) {
                    asked.add("failed 0x%x %d".formatted(iova, access));
                }
            };

    @BeforeEach
    void connect() {
        openBefore = Descriptor.openCount();
        backEnd.features |= VhostFeatures.ACCESS_PLATFORM;
        backEnd.protocolFeatures |= VhostFeatures.PROTOCOL_BACKEND_REQ;
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        device = SessionThread.serve(pair[0], backEnd);
        frontEnd = VhostFrontEnd.of(pair[1], "device", 10_000_000_000L);
    }

    @AfterEach
    void closeAndCount() throws InterruptedException {
        frontEnd.close();
        device.close();
        backEnd.close();
        assertThat(Descriptor.openCount()).as("no descriptor leaks").isEqualTo(openBefore);
    }

    private void answered(long question, boolean given) {
        assertThat(question).isEqualTo(answers.size());
        answers.add(given);
    }

    private void negotiate() {
        frontEnd.setProtocolFeatures(NEEDED);
        frontEnd.setFeatures(VhostFeatures.ACCESS_PLATFORM | VhostFeatures.PROTOCOL_FEATURES);
    }

    @Test
    void shouldCarryMissesOneWayAndTranslationsTheOther() {
        negotiate();
        try (BackEndChannel channel = frontEnd.openBackEndChannel(listener)) {
            assertThat(backEnd.requests.missed(0x5000, 3)).isTrue();
            assertThat(backEnd.requests.accessFailed(-4096, 1)).isTrue();
            assertThat(channel.onReadable()).isTrue();
            assertThat(asked).containsExactly("miss 0x5000 3", "failed 0xfffffffffffff000 1");
            frontEnd.updateIotlb(0x5000, 4096, 0x7000, 3);
            frontEnd.invalidateIotlb(0x5000, 4096);
            assertThat(backEnd.calls)
                    .endsWith(
                            "iotlb type=2 iova=0x5000 lengthBytes=0x1000 userAddress=0x7000"
                                    + " access=3",
                            "iotlb type=3 iova=0x5000 lengthBytes=0x1000 userAddress=0x0 access=0");
        }
        assertThat(backEnd.requests.missed(0x6000, 1)).isFalse();
    }

    @Test
    void shouldGiveNoTranslationsWhereNoneAreWanted() {
        assertThatThrownBy(() -> frontEnd.openBackEndChannel(listener))
                .isInstanceOf(IllegalStateException.class);
        frontEnd.setProtocolFeatures(NEEDED);
        assertThatThrownBy(() -> frontEnd.invalidateIotlb(0, 4096))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("VIRTIO_F_ACCESS_PLATFORM");
    }

    @Test
    void shouldRefuseTranslationsThatAreNone() {
        negotiate();
        assertThatThrownBy(() -> frontEnd.updateIotlb(0x1000, 0, 0x1000, 3))
                .isInstanceOf(VhostProtocolException.class);
        assertThatThrownBy(() -> frontEnd.updateIotlb(-4096, 8192, 0x1000, 3))
                .isInstanceOf(VhostProtocolException.class);
        assertThatThrownBy(() -> frontEnd.updateIotlb(0x1000, 4096, 0x1000, 4))
                .isInstanceOf(VhostProtocolException.class);
        assertThat(backEnd.calls).noneMatch(call -> call.startsWith("iotlb"));
    }

    @Test
    void shouldAskNoMoreWhenTheFrontEndDoesNotRead() {
        negotiate();
        try (BackEndChannel channel = frontEnd.openBackEndChannel(listener)) {
            int told = 0;
            while (backEnd.requests.missed(told * 4096L, 1)) {
                told++;
            }
            while (channel.onReadable() && asked.size() < told) {
                assertThat(channel.reason()).isNull();
            }
            assertThat(asked).hasSize(told);
            assertThat(backEnd.requests.missed(1, 1)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 0, 99})
    void shouldEndAChannelThatCarriesWhatABackEndMayNotSay(int type) {
        byte[] payload = Wire.longs(0x1000, 4096, 0x1000, 3L | (long) type << 8);
        assertChannelEnds(Wire.message(1, 1, payload), "from a back-end: type=" + type);
    }

    @Test
    void shouldEndAChannelAtNonsense() {
        assertChannelEnds(Wire.message(3, 1, new byte[24]), "request=3 size=24");
        assertChannelEnds(Wire.message(1, 1, new byte[26]), "request=1 size=26");
        assertChannelEnds(Wire.message(1, 3, new byte[32]), "version 3");
        assertChannelEnds(Wire.message(4, 1, Wire.ints(0, 0)), "not understood");
        assertChannelEnds(Wire.message(2, 1), "came with descriptors", Wire.events(3));
        assertChannelEnds(
                Wire.message(1, 1, Wire.longs(-1, 4096, 0, 1 << 8 | 1)), "no IOTLB message");
    }

    private void assertChannelEnds(byte[] message, String reason, Descriptor... passed) {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                BackEndChannel channel = new BackEndChannel(pair[1], listener)) {
            wire.send(Arrays.copyOf(message, 5));
            assertThat(channel.onReadable()).isTrue();
            wire.send(Arrays.copyOfRange(message, 5, message.length), passed);
            assertThat(channel.onReadable()).isFalse();
            assertThat(channel.reason()).contains(reason);
        }
        assertThat(asked).isEmpty();
    }

    @Test
    void shouldAnswerWhenTheBackEndWantsIt() {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                BackEndChannel channel = new BackEndChannel(pair[1], listener)) {
            wire.send(Wire.message(2, 9));
            assertThat(channel.onReadable()).isTrue();
            assertThat(wire.received()).isEqualTo(Wire.message(2, 5, Wire.longs(0)));
            wire.close();
            assertThat(channel.onReadable()).isFalse();
            assertThat(channel.reason()).isEqualTo("the back-end closed the connection");
        }
    }

    @Test
    void shouldAnswerWhetherATranslationIsGiven() {
        negotiate();
        try (BackEndChannel channel = frontEnd.openBackEndChannel(listener)) {
            assertThat(backEnd.requests.missedAnswerWanted(0x5000, 1)).isZero();
            assertThat(backEnd.requests.missed(0x6000, 1)).isTrue();
            assertThat(backEnd.requests.missedAnswerWanted(REFUSED, 2)).isOne();
            assertThat(channel.onReadable()).isTrue();
            assertThat(asked).containsExactly("miss 0x5000 1", "miss 0x6000 1", "miss 0xbad000 2");
            assertThat(backEnd.requests.onReadable(this::answered)).isTrue();
            assertThat(answers).containsExactly(true, false);
        }
        assertThat(backEnd.requests.onReadable(this::answered)).isFalse();
        assertThat(backEnd.requests.reason()).contains("closed the connection");
        assertThat(backEnd.requests.missedAnswerWanted(0x5000, 1)).isNegative();
    }

    @Test
    void shouldAskNoMoreThanItRemembers() {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                BackEndRequests requests = new BackEndRequests(pair[1])) {
            for (int i = 0; i < BackEndRequests.MAX_UNANSWERED; i++) {
                assertThat(requests.missedAnswerWanted(i, 1)).isEqualTo(i);
            }
            assertThat(requests.missedAnswerWanted(99, 1)).isEqualTo(BackEndRequests.NOT_ASKED);
            wire.send(Wire.message(1, 5, Wire.longs(7)));
            assertThat(requests.onReadable(this::answered)).isTrue();
            assertThat(answers).containsExactly(false);
            assertThat(requests.missedAnswerWanted(99, 1))
                    .isEqualTo(BackEndRequests.MAX_UNANSWERED);
        }
    }

    @Test
    void shouldEndAChannelWhoseAnswersAreNone() {
        byte[] answer = Wire.message(1, 5, Wire.longs(0));
        assertAnswersEnd(answer, "of 0 due", 0);
        assertAnswersEnd(Wire.message(1, 1, Wire.longs(0)), "flags=0x1", 1);
        assertAnswersEnd(Wire.message(2, 5, Wire.longs(0)), "request=2", 1);
        assertAnswersEnd(Wire.message(1, 5, Wire.longs(0, 0)), "size=16", 1);
        assertAnswersEnd(Wire.message(1, 6, Wire.longs(0)), "version 2", 1);
        assertAnswersEnd(answer, "descriptors=1", 1, Wire.events(1));
    }

    private void assertAnswersEnd(byte[] message, String reason, int asks, Descriptor... passed) {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                BackEndRequests requests = new BackEndRequests(pair[1])) {
            for (int i = 0; i < asks; i++) {
                requests.missedAnswerWanted(i, 1);
            }
            wire.send(Arrays.copyOf(message, 5));
            assertThat(requests.onReadable(this::answered)).isTrue();
            wire.send(Arrays.copyOfRange(message, 5, message.length), passed);
            assertThat(requests.onReadable(this::answered)).isFalse();
            assertThat(requests.reason()).contains(reason);
            assertThat(requests.missed(1, 1)).isFalse();
        }
        assertThat(answers).isEmpty();
    }

    @Test
    void shouldLetAnInvalidationRunOverTheEnd() {
        negotiate();
        assertThat(new IotlbMessage(0x1000, -1, 0, 0, IotlbMessage.INVALIDATE).lastIova())
                .isEqualTo(-1);
        assertThat(new IotlbMessage(0x1000, 0x1000, 0, 0, IotlbMessage.INVALIDATE).lastIova())
                .isEqualTo(0x1fff);
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                VhostSession session = new VhostSession(pair[1], backEnd)) {
            wire.send(
                    Requests.SET_FEATURES,
                    Wire.longs(VhostFeatures.ACCESS_PLATFORM | VhostFeatures.PROTOCOL_FEATURES));
            wire.send(Requests.IOTLB_MSG, Wire.longs(0, -1, 0, 3 << 8));
            assertThat(session.onReadable()).as(session.reason()).isTrue();
        }
        assertThat(backEnd.calls).last().asString().contains("lengthBytes=0xffffffffffffffff");
    }

    @Test
    void shouldRefuseAChannelThatIsNoSocket() {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (Wire wire = new Wire(pair[0]);
                VhostSession session = new VhostSession(pair[1], backEnd)) {
            wire.send(Requests.SET_PROTOCOL_FEATURES, Wire.longs(NEEDED));
            wire.send(Requests.SET_BACKEND_REQ_FD, new byte[0], Wire.events(1));
            assertThat(session.onReadable()).isFalse();
            assertThat(session.reason()).contains("a Unix-domain socket was expected");
        }
    }
}
