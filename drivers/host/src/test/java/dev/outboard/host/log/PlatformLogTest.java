package dev.outboard.host.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.System.Logger.Level;
import org.junit.jupiter.api.Test;

class PlatformLogTest {
    private static String logged(System.Logger logger, Level level, String text, Object... values) {
        var before = System.err;
        var bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true));
        try {
            logger.log(level, text, values);
        } finally {
            System.setErr(before);
        }
        return bytes.toString();
    }

    @Test
    void shouldBeThePlatformsLogger() {
        assertThat(System.getLogger("dev.outboard.x")).isNotNull();
        assertThat(System.LoggerFinder.getLoggerFinder()).isInstanceOf(PlatformLog.class);
    }

    @Test
    void shouldShowWarningsAndNothingLess() {
        PlatformLog.setUp();
        var logger = new PlatformLogger("nic0", false);

        assertThat(logged(logger, Level.WARNING, "{0} is stuck for {1} s", "nic0", 7))
                .contains("nic0 is stuck for 7 s")
                .contains("WARN");
        assertThat(logged(logger, Level.INFO, "attached")).isEmpty();
        assertThat(logger.isLoggable(Level.OFF)).isFalse();
    }

    @Test
    void shouldTakeBracesLiterallyWhereNothingIsToBeFilledIn() {
        PlatformLog.setUp();
        assertThat(logged(new PlatformLogger("x", false), Level.ERROR, "a {0} b"))
                .contains("a {0} b");
    }
}
