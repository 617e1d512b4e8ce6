package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixSocket;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A front-end that keeps to the rules, and many that do not. */
final class VhostSessionTest {
    private static final byte[] NOTHING = {};

    private final RecordingBackEnd backEnd = new RecordingBackEnd();
    private int openBefore;
    private Wire wire;
    private VhostSession session;

    @BeforeEach
    void connect() {
        openBefore = Descriptor.openCount();
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        wire = new Wire(pair[0]);
        session = new VhostSession(pair[1], backEnd);
    }

    @AfterEach
    void closeAndCount() {
        session.close();
        wire.close();
        backEnd.close();
        assertThat(Descriptor.openCount()).as("no descriptor leaks").isEqualTo(openBefore);
    }

    private void negotiate(long protocolFeatures) {
        wire.send(Requests.SET_PROTOCOL_FEATURES, Wire.longs(protocolFeatures));
        assertThat(session.onReadable()).isTrue();
    }

    private void assertEndsWith(String reason) {
        assertThat(session.onReadable()).isFalse();
        assertThat(session.reason()).contains(reason);
        assertThat(session.onReadable()).isFalse();
        assertThat(session.descriptor().isClosed()).isTrue();
        assertThat(wire.socket.descriptor().isClosed() || wire.socket.isPeerGone()).isTrue();
    }

    @Test
    void shouldOfferTheDevicesFeaturesAndItsOwn() {
        wire.send(Requests.GET_FEATURES, NOTHING);
        wire.send(Requests.GET_PROTOCOL_FEATURES, NOTHING);
        wire.send(Requests.GET_QUEUE_NUM, NOTHING);
        assertThat(session.onReadable()).isTrue();
        assertThat(Arrays.copyOf(wire.received(), 60))
                .startsWith(Wire.message(1, 5, Wire.longs(RecordingBackEnd.FEATURES | 1L << 30)))
                .containsSequence(Wire.message(15, 5, Wire.longs(1 | 1 << 3 | 1 << 9)))
                .endsWith(Wire.message(17, 5, Wire.longs(4)));
    }

    @Test
    void shouldKeepAMessageThatComesByteByByte() {
        byte[] message = Wire.message(Requests.SET_VRING_NUM, 1, Wire.ints(1, 256));
        for (int i = 0; i < message.length; i++) {
            assertThat(backEnd.calls).isEmpty();
            wire.send(new byte[] {message[i]});
            assertThat(session.onReadable()).isTrue();
        }
        assertThat(backEnd.calls).containsExactly("size 1 256");
    }

    @Test
    void shouldKeepDescriptorsOfAHalfMessageAndCloseThemWhenItNeverComes() {
        byte[] message = Wire.message(Requests.SET_VRING_CALL, 1, Wire.longs(0));
        wire.send(Arrays.copyOf(message, 15), Wire.events(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(session.onReadable()).isTrue();
        wire.close();
        assertEndsWith("closed the connection in mid-message");
    }

    @Test
    void shouldTakeDescriptorsThatComeWithTheRestOfAMessage() {
        byte[] message = Wire.message(Requests.SET_VRING_CALL, 1, Wire.longs(0));
        wire.send(Arrays.copyOf(message, 15));
        assertThat(session.onReadable()).isTrue();
        wire.send(Arrays.copyOfRange(message, 15, message.length), Wire.events(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.callEvents).containsOnlyKeys(0);
    }

    @Test
    void shouldSetUpAQueue() {
        negotiate(VhostFeatures.PROTOCOL_REPLY_ACK);
        wire.send(Requests.SET_OWNER, NOTHING);
        wire.send(Requests.SET_FEATURES, Wire.longs(1L << 30 | 1L << 32));
        wire.send(
                Requests.SET_MEM_TABLE,
                Wire.table(2, 0x1000, 4096, 0x7000, 0, 0x2000, 4096, 0x8000, 0),
                Wire.files(2));
        wire.send(Requests.SET_VRING_CALL, Wire.longs(2), Wire.events(1));
        wire.send(Requests.SET_VRING_NUM, Wire.ints(2, 128));
        wire.send(Requests.SET_VRING_BASE, Wire.ints(2, 9));
        wire.send(Requests.SET_VRING_ADDR, addresses(2));
        wire.send(Requests.SET_VRING_ERR, Wire.longs(2), Wire.events(1));
        wire.send(Requests.SET_VRING_KICK, Wire.longs(2), Wire.events(1));
        wire.send(Requests.SET_VRING_ENABLE, Wire.ints(2, 1));
        wire.send(Requests.GET_VRING_BASE, Wire.ints(2, 0));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.calls)
                .containsExactly(
                        "owner",
                        "features 0x140000000",
                        "memory 2",
                        "call 2 true",
                        "size 2 128",
                        "base 2 9",
                        "addresses 2 0x100 0x300 0x200",
                        "error 2 true",
                        "kick 2 true",
                        "enabled 2 true",
                        "stop 2");
        assertThat(backEnd.regions.get(1).guestAddress()).isEqualTo(0x2000);
        assertThat(backEnd.regions.get(1).userAddress()).isEqualTo(0x8000);
        assertThat(wire.received()).isEqualTo(Wire.message(11, 5, Wire.ints(2, 7)));
    }

    private static byte[] addresses(int queue) {
        byte[] fields = Wire.longs(0, 0x100, 0x300, 0x200, 0);
        System.arraycopy(Wire.ints(queue, 0), 0, fields, 0, 8);
        return fields;
    }

    @Test
    void shouldEnableQueuesItselfWithoutProtocolFeatures() {
        wire.send(Requests.SET_FEATURES, Wire.longs(1L << 32));
        wire.send(Requests.SET_VRING_KICK, Wire.longs(0), Wire.events(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.calls)
                .containsExactly("features 0x100000000", "kick 0 true", "enabled 0 true");
    }

    @Test
    void shouldTakeAQueueWithoutKickCallOrError() {
        wire.send(Requests.SET_FEATURES, Wire.longs(1L << 30));
        wire.send(Requests.SET_VRING_KICK, Wire.longs(0x101));
        wire.send(Requests.SET_VRING_CALL, Wire.longs(0x101));
        wire.send(Requests.SET_VRING_ERR, Wire.longs(0x101));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.calls).endsWith("kick 1 false", "call 1 false", "error 1 false");
    }

    @Test
    void shouldConfirmOnlyWhenAskedAndPromised() {
        wire.sendWantingAnswer(Requests.SET_OWNER, NOTHING);
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEmpty();
        negotiate(VhostFeatures.PROTOCOL_REPLY_ACK);
        wire.send(Requests.SET_OWNER, NOTHING);
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEmpty();
        wire.sendWantingAnswer(Requests.SET_OWNER, NOTHING);
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(3, 5, Wire.longs(0)));
        wire.sendWantingAnswer(Requests.GET_FEATURES, NOTHING);
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).hasSize(20);
    }

    @Test
    void shouldTellARefusalAndLiveOnWhenTheFrontEndAsksToBeTold() {
        negotiate(VhostFeatures.PROTOCOL_REPLY_ACK);
        wire.sendWantingAnswer(Requests.SET_VRING_NUM, Wire.ints(99, 128));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(8, 5, Wire.longs(1)));
        backEnd.failure = new VhostProtocolException("not today");
        wire.sendWantingAnswer(Requests.SET_VRING_KICK, Wire.longs(0), Wire.events(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(12, 5, Wire.longs(1)));
        wire.sendWantingAnswer(200, NOTHING, Wire.events(3));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(200, 5, Wire.longs(1)));
    }

    @Test
    void shouldEndWhenTheDeviceRefusesOrFails() {
        backEnd.failure = new VhostProtocolException("not today");
        wire.send(Requests.SET_OWNER, NOTHING);
        assertEndsWith("not today");
    }

    @Test
    void shouldEndNotThrowWhenTheDeviceFails() {
        backEnd.failure = new IndexOutOfBoundsException("a bug");
        wire.send(Requests.SET_VRING_KICK, Wire.longs(0), Wire.events(1));
        assertEndsWith("the device failed at SET_VRING_KICK");
    }

    @Test
    void shouldReadAndWriteTheConfigurationSpace() {
        negotiate(VhostFeatures.PROTOCOL_CONFIG);
        wire.send(Requests.SET_CONFIG, Wire.ints(4, 8, 0, 0x11, 0x22));
        wire.send(Requests.GET_CONFIG, Wire.ints(0, 12, 0, 0, 0, 0));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received())
                .isEqualTo(Wire.message(24, 5, Wire.ints(0, 12, 0, 0, 0x11, 0x22)));
    }

    @Test
    void shouldAnswerNothingForBytesThatTheDeviceDoesNotHave() {
        negotiate(VhostFeatures.PROTOCOL_CONFIG);
        wire.send(Requests.GET_CONFIG, Wire.ints(56, 8, 0, 0, 0));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(24, 5));
    }

    @Test
    void shouldPlugMemoryInAndOut() {
        backEnd.protocolFeatures |= VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
        negotiate(VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
        wire.send(Requests.GET_MAX_MEM_SLOTS, NOTHING);
        wire.send(Requests.ADD_MEM_REG, Wire.longs(0, 0x1000, 4096, 0x7000, 0), Wire.files(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(wire.received()).isEqualTo(Wire.message(36, 5, Wire.longs(32)));
        assertThat(backEnd.regions).hasSize(1);
        // Some front-ends send a descriptor with the removal: it is closed.
        wire.send(Requests.REM_MEM_REG, Wire.longs(0, 0x1000, 4096, 0x7000, 0), Wire.files(1));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.regions).isEmpty();
    }

    @Test
    void shouldTakeMoreThanEightRegionsOnlyWithMemorySlots() {
        backEnd.protocolFeatures |= VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
        negotiate(VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
        wire.send(Requests.SET_MEM_TABLE, regions(32), Wire.files(32));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.regions).hasSize(32);
        negotiate(0);
        wire.send(Requests.SET_MEM_TABLE, regions(8), Wire.files(8));
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.regions).hasSize(8);
        wire.send(Requests.SET_MEM_TABLE, regions(9), Wire.files(9));
        assertEndsWith("9 regions: at most 8 are taken");
        assertThat(backEnd.regions).hasSize(8);
    }

    private static byte[] regions(int count) {
        long[] fields = new long[4 * count];
        for (int i = 0; i < count; i++) {
            fields[4 * i] = 0x10_0000L * i;
            fields[4 * i + 1] = 4096;
            fields[4 * i + 2] = 0x10_0000L * i;
        }
        return Wire.table(count, fields);
    }

    @Test
    void shouldEndCleanlyWhenTheFrontEndLeaves() {
        wire.close();
        assertEndsWith("the front-end closed the connection");
        assertThat(session.reason()).doesNotContain("mid-message");
    }

    @Test
    void shouldEndWhenTheVersionIsNotSpoken() {
        wire.send(Wire.message(Requests.GET_FEATURES, 2));
        assertEndsWith("version 2");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, 1033, Integer.MAX_VALUE})
    void shouldEndWhenAPayloadIsTooLong(int size) {
        wire.send(Wire.ints(Requests.SET_MEM_TABLE, 1, size), Wire.events(2));
        assertEndsWith("at most 0x408 are taken");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 6, 7, 19, 23, 31, 33, 35, 41, Integer.MAX_VALUE})
    void shouldEndAtARequestThatItDoesNotUnderstand(int request) {
        wire.send(request, Wire.longs(0));
        assertEndsWith("not understood");
    }

    static IntStream understood() {
        return IntStream.of(
                1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24, 25, 36, 37,
                38);
    }

    private void promiseEverything() {
        backEnd.protocolFeatures |=
                VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS | VhostFeatures.PROTOCOL_BACKEND_REQ;
        negotiate(backEnd.protocolFeatures);
    }

    @ParameterizedTest
    @MethodSource("understood")
    void shouldEndWhenAPayloadIsOfTheWrongSize(int request) {
        promiseEverything();
        wire.send(request, new byte[13]);
        assertThat(session.onReadable()).isFalse();
        assertThat(session.reason()).contains(Requests.name(request));
        assertThat(backEnd.calls).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("understood")
    void shouldEndWhenDescriptorsComeThatDoNotBelong(int request) {
        promiseEverything();
        int size =
                switch (request) {
                    case 2, 8, 10, 11, 12, 13, 14, 16, 18 -> 8;
                    case 9, 37, 38 -> 40;
                    case 5 -> 8 + 32;
                    case 22 -> 32;
                    case 24, 25 -> 12;
                    default -> 0;
                };
        byte[] payload = new byte[size];
        if (request == 5) {
            payload[0] = 1;
        }
        wire.send(request, payload, Wire.events(2));
        assertEndsWith("descriptors came with it, not ");
        assertThat(backEnd.calls).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {12, 13, 14})
    void shouldEndWhenADescriptorIsMissing(int request) {
        wire.send(request, Wire.longs(0));
        assertEndsWith("0 descriptors came with it, not 1");
    }

    @ParameterizedTest
    @ValueSource(ints = {12, 13, 14})
    void shouldEndWhenADescriptorIsOfNoEvent(int request) {
        wire.send(request, Wire.longs(0), Wire.files(1));
        assertEndsWith("an eventfd was expected, not /memfd:wire");
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 9, 10, 11, 18})
    void shouldEndWhenAQueueDoesNotExist(int request) {
        for (int queue : new int[] {4, -1, Integer.MIN_VALUE}) {
            byte[] payload = request == 9 ? addresses(queue) : Wire.ints(queue, 1);
            wire.send(request, payload);
            assertEndsWith("queue " + queue + ": there are 4");
            session.close();
            wire.close();
            closeAndCount();
            connect();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 255, 0x104, 0x200, -1L, 1L << 32})
    void shouldEndWhenAnEventIsForNoQueue(long value) {
        boolean none = (value & 0x100) != 0;
        wire.send(Requests.SET_VRING_KICK, Wire.longs(value), Wire.events(none ? 0 : 1));
        assertThat(session.onReadable()).isFalse();
        assertThat(session.reason()).contains("SET_VRING_KICK");
        assertThat(backEnd.calls).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 32769, Integer.MAX_VALUE})
    void shouldEndWhenAQueueHasAnImpossibleSize(int entries) {
        wire.send(Requests.SET_VRING_NUM, Wire.ints(0, entries));
        assertEndsWith("a queue of " + entries + " entries");
    }

    static IntStream impossibleRegions() {
        return IntStream.range(0, 7);
    }

    @ParameterizedTest
    @MethodSource("impossibleRegions")
    void shouldEndWhenARegionIsImpossible(int which) {
        long[][] bad = {
            {0x1000, 0, 0x1000, 0},
            {0x1000, -1, 0x1000, 0},
            {0x1000, Long.MIN_VALUE, 0x1000, 0},
            {-4096, 8192, 0x1000, 0},
            {0x1000, 8192, -4096, 0},
            {0x1000, 4096, 0x1000, -1},
            {0x1000, 4096, 0x1000, Long.MAX_VALUE - 100}
        };
        wire.send(Requests.SET_MEM_TABLE, Wire.table(1, bad[which]), Wire.files(1));
        assertEndsWith("this is no memory region");
        assertThat(backEnd.calls).isEmpty();
    }

    @Test
    void shouldEndWhenFeaturesWereNotOffered() {
        wire.send(Requests.SET_FEATURES, Wire.longs(1L << 33));
        assertEndsWith("bits that were not offered: 0x200000000");
    }

    @Test
    void shouldEndWhenAFeatureIsUsedThatWasNotNegotiated() {
        wire.send(Requests.GET_CONFIG, Wire.ints(0, 4, 0, 0));
        assertEndsWith("which was not negotiated");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 250, 257, Integer.MAX_VALUE})
    void shouldEndWhenTheConfigurationSpaceIsLeft(int offset) {
        negotiate(VhostFeatures.PROTOCOL_CONFIG);
        wire.send(Requests.GET_CONFIG, Wire.ints(offset, 8, 0, 0, 0));
        assertEndsWith("is not within 0x100 bytes");
    }

    @Test
    void shouldEndWhenTheConfigurationLengthLies() {
        negotiate(VhostFeatures.PROTOCOL_CONFIG);
        wire.send(Requests.SET_CONFIG, Wire.ints(0, 200, 0, 0));
        assertEndsWith("a payload of 16 bytes, not 212");
    }

    @Test
    void shouldEndWhenMoreDescriptorsComeThanAMessageMayHave() {
        byte[] message = Wire.message(Requests.SET_MEM_TABLE, 1, regions(8));
        wire.send(Arrays.copyOf(message, 12), Wire.events(20));
        wire.send(Arrays.copyOfRange(message, 12, 20), Wire.events(20));
        assertEndsWith("more than 32 descriptors");
    }

    @Test
    void shouldEndWhenTheFrontEndDoesNotReadItsAnswers() {
        byte[] ask = Wire.message(Requests.GET_FEATURES, 1);
        int asked = 0;
        boolean alive = true;
        while (alive && asked < 100_000) {
            wire.send(ask);
            asked++;
            alive = session.onReadable();
        }
        assertThat(session.reason()).isEqualTo("the front-end does not read its answers");
    }

    @Test
    void shouldLetOthersHaveTheirTurn() {
        for (int i = 0; i < 40; i++) {
            wire.send(Requests.SET_OWNER, NOTHING);
        }
        assertThat(session.onReadable()).isTrue();
        assertThat(backEnd.calls.size()).isBetween(1, 39);
        session.onReadable();
        session.onReadable();
        assertThat(backEnd.calls).hasSize(40);
    }

    @Test
    void shouldHandTheDeviceEventsThatWork() {
        EventDescriptor mine = EventDescriptor.create();
        wire.send(Requests.SET_VRING_CALL, Wire.longs(1), mine.descriptor().duplicate());
        assertThat(session.onReadable()).isTrue();
        backEnd.callEvents.get(1).signal();
        assertThat(mine.drain()).isEqualTo(1);
        mine.close();
    }
}
