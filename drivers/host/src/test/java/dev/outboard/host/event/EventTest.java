package dev.outboard.host.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventTest {
    @Test
    void shouldReadBackWhatItWrote() {
        var event =
                Event.of(
                        "result",
                        "text",
                        "a \"b\"\n\\ ü",
                        "count",
                        7L,
                        "share",
                        0.25,
                        "done",
                        true,
                        "nothing",
                        null,
                        "list",
                        List.of(1L, "two"),
                        "map",
                        Map.of("k", false));

        assertThat(Event.parse(event.toJson())).isEqualTo(event);
    }

    @Test
    void shouldWriteAPathAsAText() {
        // A path is a sequence of paths, each a sequence of itself.
        assertThat(Event.of("e", "socket", Path.of("a/b.sock")).toJson())
                .isEqualTo("{\"event\":\"e\",\"socket\":\"a/b.sock\"}");
    }

    @Test
    void shouldStayOnOneLineWhateverTheText() {
        assertThat(Event.of("e", "text", "a\nb\rc").toJson()).doesNotContain("\n", "\r");
    }

    @Test
    void shouldWriteNoNumberThatJsonDoesNotKnow() {
        var event = Event.parse(Event.of("e", "share", Double.NaN).toJson());

        assertThat(event.has("share")).isFalse();
    }

    @Test
    void shouldReadBackRandomEvents() {
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            var fields = new LinkedHashMap<String, Object>();
            for (int j = random.nextInt(6); j > 0; j--) {
                fields.put("f" + j, value(random));
            }
            var event = new Event("e" + i, fields);
            assertThat(Event.parse(event.toJson())).as("seed=%d i=%d", seed, i).isEqualTo(event);
        }
    }

    private static Object value(Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextDouble();
            case 2 -> random.nextBoolean();
            case 3 -> List.of(random.nextLong(), "x");
            default -> new String(random.ints(8, 0, 0xd7ff).toArray(), 0, 8);
        };
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "plain text",
                "{",
                "{}",
                "{\"event\":1}",
                "{\"event\":\"e\"",
                "{event:e}",
                "{\"event\":\"e\"} more",
                "[\"event\"]",
                "{\"event\":\"e\",\"n\":}",
                "{\"event\":\"e\",\"n\":99999999999999999999}"
            })
    void shouldTakeOtherLinesForNoEvent(String line) {
        assertThat(Event.parse(line)).isNull();
    }

    @Test
    void shouldNameTheFieldThatIsMissingOrWrong() {
        var event = Event.of("result", "count", "many");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> event.number("faults"))
                .withMessageContaining("result has no field faults");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> event.number("count"))
                .withMessageContaining("count=many is no number");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> event.flag("count"))
                .withMessageContaining("is no boolean");
    }

    @Test
    void shouldRefuseAFieldWithoutValue() {
        assertThatIllegalArgumentException().isThrownBy(() -> Event.of("e", "name"));
    }

    @Test
    void shouldSpeakToPeopleOrToMachines() {
        assertThat(said(false)).isEqualTo("for all\nfor people\n");
        assertThat(said(true)).isEqualTo("{\"event\":\"all\"}\n{\"event\":\"machines\"}\n");
    }

    private static String said(boolean machines) {
        var bytes = new ByteArrayOutputStream();
        var output = new EventOutput(new PrintStream(bytes, false), machines);
        output.say("for all", Event.of("all"));
        output.text("for people");
        output.say(Event.of("machines"));
        return bytes.toString();
    }
}
