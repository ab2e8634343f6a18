"""Texts that would do harm if they were obeyed."""

SCRIPT = "<script>alert('x')</script>"
HANDLER = "<img src=x onerror=alert(1)>"
ATTACKS = (
    SCRIPT,
    HANDLER,
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "![image](https://elsewhere.example/pixel.png)",
    '<a href="https://ok.example" onclick="alert(1)" style="color:red">x</a>',
    "<iframe src=https://elsewhere.example></iframe>",
    "<svg><script>alert(1)</script></svg>",
    "<style>body{display:none}</style>",
    "| a |\n|:-:|\n| <b onmouseover=alert(1)>b</b> |",
    '[x](https://ok.example "\\" onmouseover=alert(1)")',
    '<https://ok.example/" onmouseover=alert(1)>',
    "```<script>\n</script><script>alert(1)</script>\n```",
)
