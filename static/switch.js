"use strict";

/* Goes on to the other customer's host at once. Without scripts, the user presses the button. */
document.getElementById("leave").submit();
